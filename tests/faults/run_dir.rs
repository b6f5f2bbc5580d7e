//! The run directory: other namespaces, hung disks, replaced directories, early readers.
