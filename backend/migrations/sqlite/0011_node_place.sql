-- Where the data directory of a node is, as no copy of it is: boot of the system, device and inode.
ALTER TABLE nodes ADD COLUMN place TEXT;
