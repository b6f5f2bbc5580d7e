//! The run directory: other namespaces, hung disks, replaced directories, early readers.

mod early;
mod flood;
mod frozen_disk;
mod hung_disk;
mod hung_folder;
mod little_memory;
mod memory_group;
mod namespaces;
mod odd_files;
mod replaced;
mod restarted;
mod unanswering;
