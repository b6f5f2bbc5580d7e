//! Reads the main module of a Go program from its file.
//!
//! The Go linker writes it into the section `.go.buildinfo`, from which `go version -m` reads it, even in a
//! stripped program. That takes a few small reads, however large the program is.

use std::fs::File;
use std::os::unix::fs::FileExt;

const SECTION: &[u8] = b".go.buildinfo\0";
const MAGIC: &[u8] = b"\xff Go buildinf:";
/// Bytes of the section that are read: the main module is named first.
const SECTION_START_BYTES: usize = 1024;
/// Most bytes of the tables that are read; those of the tools have less than 4 KB.
const MAX_TABLE_BYTES: usize = 64 * 1024;

/// Reads the path of the main module, such as `github.com/hashicorp/terraform`.
///
/// Returns `None` for a file that is not an ELF program in this machine's byte order, or was not built by Go 1.18
/// or later.
pub(crate) fn main_module(file: &File) -> Option<String> {
    let section = build_info(file)?;
    if !section.starts_with(MAGIC) {
        return None;
    }
    let start = memchr::memmem::find(&section, b"\nmod\t")? + b"\nmod\t".len();
    let rest = &section[start..];
    let end = rest.iter().position(|byte| b"\t\n".contains(byte))?;
    std::str::from_utf8(&rest[..end]).ok().map(str::to_owned)
}

/// Returns the start of the section.
fn build_info(file: &File) -> Option<Vec<u8>> {
    let elf = Elf::open(file)?;
    let names = elf.section(elf.names)?;
    let names = elf.read(names.offset, names.size.min(MAX_TABLE_BYTES))?;
    (0..elf.sections).find_map(|index| {
        let section = elf.section(index)?;
        let name = names.get(section.name..)?;
        if !name.starts_with(SECTION) {
            return None;
        }
        elf.read(section.offset, section.size.min(SECTION_START_BYTES))
    })
}

/// A section header.
struct Section {
    name: usize,
    offset: usize,
    size: usize,
}

/// An ELF file (elf(5)) of either word size.
struct Elf<'a> {
    file: &'a File,
    is_64: bool,
    /// The section headers.
    table: Vec<u8>,
    entry_bytes: usize,
    sections: usize,
    /// Index of the section with the names of the sections.
    names: usize,
}

impl<'a> Elf<'a> {
    fn open(file: &'a File) -> Option<Self> {
        let mut header = [0; 64];
        file.read_exact_at(&mut header, 0).ok()?;
        let byte_order = if cfg!(target_endian = "little") { 1 } else { 2 };
        let is_64 = match header[..6] {
            [0x7f, b'E', b'L', b'F', 2, order] if order == byte_order => true,
            [0x7f, b'E', b'L', b'F', 1, order] if order == byte_order => false,
            _ => return None,
        };
        let (table_at, counts_at) = if is_64 { (0x28, 0x3a) } else { (0x20, 0x2e) };
        let entry_bytes = half(&header, counts_at)?;
        let sections = half(&header, counts_at + 2)?;
        let mut elf = Self {
            file,
            is_64,
            table: Vec::new(),
            entry_bytes,
            sections,
            names: half(&header, counts_at + 4)?,
        };
        let table = elf.word(&header, table_at)?;
        elf.table = elf.read(table, (entry_bytes * sections).min(MAX_TABLE_BYTES))?;
        Some(elf)
    }

    fn section(&self, index: usize) -> Option<Section> {
        let entry = self.table.get(index * self.entry_bytes..)?;
        let (offset_at, size_at) = if self.is_64 {
            (0x18, 0x20)
        } else {
            (0x10, 0x14)
        };
        let name = entry.get(..4)?.try_into().ok()?;
        Some(Section {
            name: usize::try_from(u32::from_ne_bytes(name)).ok()?,
            offset: self.word(entry, offset_at)?,
            size: self.word(entry, size_at)?,
        })
    }

    /// Reads an address or offset, in the word size of the file.
    fn word(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = bytes.get(at..)?;
        if self.is_64 {
            let word = bytes.get(..8)?.try_into().ok()?;
            usize::try_from(u64::from_ne_bytes(word)).ok()
        } else {
            let word = bytes.get(..4)?.try_into().ok()?;
            usize::try_from(u32::from_ne_bytes(word)).ok()
        }
    }

    fn read(&self, offset: usize, size: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; size];
        let offset = u64::try_from(offset).ok()?;
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let half = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_ne_bytes(half)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Builds an ELF file with the sections `.go.buildinfo` and `.shstrtab`, and nothing else.
    fn program(is_64: bool, info: &[u8]) -> Vec<u8> {
        let word = |number: usize| match is_64 {
            true => (number as u64).to_ne_bytes().to_vec(),
            false => u32::try_from(number).unwrap().to_ne_bytes().to_vec(),
        };
        let names = b"\0.go.buildinfo\0.shstrtab\0";
        let (entry, table_at, counts_at) = if is_64 {
            (64, 0x28, 0x3a)
        } else {
            (40, 0x20, 0x2e)
        };
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', if is_64 { 2 } else { 1 }, 1]);
        let (info_at, names_at) = (64, 64 + info.len());
        let table = names_at + names.len();
        let in_header = word(table);
        bytes[table_at..table_at + in_header.len()].copy_from_slice(&in_header);
        for (number, at) in [(entry, counts_at), (2, counts_at + 2), (1, counts_at + 4)] {
            let number = u16::try_from(number).unwrap();
            bytes[at..at + 2].copy_from_slice(&number.to_ne_bytes());
        }
        bytes.extend_from_slice(info);
        bytes.extend_from_slice(names);
        for (name, offset, size) in [(1u32, info_at, info.len()), (15, names_at, names.len())] {
            let mut header = vec![0; entry];
            header[..4].copy_from_slice(&name.to_ne_bytes());
            let at = if is_64 { 0x18 } else { 0x10 };
            let width = word(0).len();
            header[at..at + width].copy_from_slice(&word(offset));
            header[at + width..at + 2 * width].copy_from_slice(&word(size));
            bytes.extend_from_slice(&header);
        }
        bytes
    }

    #[test]
    fn the_main_module_is_read_from_files_of_both_word_sizes() {
        let info =
            b"\xff Go buildinf:\x08\x02................go1.23\x30path\tgithub.com/a/b/cmd/c\n\
                     mod\tgithub.com/a/b\tv1.2.3\nmod\tother\n";
        for is_64 in [true, false] {
            let found = main_module(&file_of(&program(is_64, info)));
            assert_eq!(found.as_deref(), Some("github.com/a/b"), "{is_64}");
        }
    }

    #[test]
    fn any_other_file_has_no_module() {
        let whole = program(true, b"\xff Go buildinf:\nmod\tm\t");
        assert_eq!(main_module(&file_of(&whole)).as_deref(), Some("m"));
        for len in 0..whole.len() {
            assert_eq!(main_module(&file_of(&whole[..len])), None, "{len} bytes");
        }
        for other in [&b"#!/bin/sh\nexec terraform\n"[..], b"", &[0xff; 4096]] {
            assert_eq!(main_module(&file_of(other)), None);
        }
        let own = File::open("/proc/self/exe").unwrap();
        assert_eq!(main_module(&own), None);
    }
}
