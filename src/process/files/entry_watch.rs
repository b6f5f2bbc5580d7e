//! Watches the file to which a name in a directory refers.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// Detects that a name refers to another file than before.
///
/// A program that has the former file open keeps writing to it, although the name no longer refers to it.
#[derive(Debug)]
pub struct EntryWatch {
    inotify: Inotify,
    name: OsString,
    existed: bool,
}

impl EntryWatch {
    /// Starts to watch the last component of a path. Returns `None` if its directory can't be watched.
    pub fn start(path: &Path) -> Option<Self> {
        let (directory, name) = (path.parent()?, path.file_name()?);
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        let changes = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        inotify.add_watch(directory, changes).ok()?;
        Some(Self {
            inotify,
            name: name.to_owned(),
            existed: path.symlink_metadata().is_ok(),
        })
    }

    /// Returns whether the name, or its directory, was removed, moved or given to another file since the start. A
    /// file created under a free name does not count.
    ///
    /// Also returns `true` if the kernel's event queue overflowed (16,384 events by default).
    pub fn is_replaced(&self) -> bool {
        let mut created = u32::from(self.existed);
        loop {
            let events = match self.inotify.read_events() {
                Ok(events) => events,
                Err(Errno::EAGAIN) => return created > 1,
                Err(_) => return true,
            };
            for event in events {
                let of_directory = AddWatchFlags::IN_DELETE_SELF
                    | AddWatchFlags::IN_MOVE_SELF
                    | AddWatchFlags::IN_Q_OVERFLOW;
                if event.mask.intersects(of_directory) {
                    return true;
                }
                if event.name.as_deref() != Some(OsStr::new(&self.name)) {
                    continue;
                }
                if event
                    .mask
                    .intersects(AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE)
                {
                    return true;
                }
                created += u32::from(event.mask.contains(AddWatchFlags::IN_CREATE));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_that_leads_to_another_file_is_noticed() {
        type Change = fn(&Path);
        let write: Change = |dir| fs::write(dir.join("state"), "x").unwrap();
        let remove: Change = |dir| fs::remove_file(dir.join("state")).unwrap();
        let table: [(&str, bool, &[Change], bool); 10] = [
            ("nothing", false, &[], false),
            ("created", false, &[write], false),
            ("written", true, &[write, write], false),
            ("removed", true, &[remove], true),
            ("created and removed", false, &[write, remove], true),
            ("removed and created", true, &[remove, write], true),
            (
                "renamed over",
                true,
                &[|dir| {
                    fs::write(dir.join("other"), "").unwrap();
                    fs::rename(dir.join("other"), dir.join("state")).unwrap();
                }],
                true,
            ),
            (
                "others",
                true,
                &[|dir| {
                    fs::write(dir.join("other"), "").unwrap();
                    fs::rename(dir.join("other"), dir.join("another")).unwrap();
                    fs::remove_file(dir.join("another")).unwrap();
                }],
                false,
            ),
            (
                "the directory is moved",
                true,
                &[|dir| fs::rename(dir, dir.with_extension("moved")).unwrap()],
                true,
            ),
            (
                "the directory is removed",
                false,
                &[|dir| fs::remove_dir(dir).unwrap()],
                true,
            ),
        ];
        for (what, existed, changes, expected) in table {
            let folder = tempfile::tempdir().unwrap();
            let dir = folder.path().join("dir");
            fs::create_dir(&dir).unwrap();
            if existed {
                write(&dir);
            }
            let watch = EntryWatch::start(&dir.join("state")).unwrap();
            for change in changes {
                change(&dir);
            }
            assert_eq!(watch.is_replaced(), expected, "{what}");
        }
        assert!(EntryWatch::start(Path::new("/nowhere/state")).is_none());
    }
}
