//! Reads the backend in a saved plan: `apply` writes to that one, not to the one recorded in the working directory.
//!
//! Both tools write a ZIP archive whose first member, `tfplan`, is a Protocol Buffers message, see
//! `planproto.proto` in their sources. An encrypted plan of OpenTofu is not such an archive, and can't be read.

use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use serde_json::Value;

use super::read_file::open;

/// Signature of a member's header (APPNOTE.TXT of PKWARE, 4.3.7).
const MEMBER_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const MEMBER_HEADER_BYTES: usize = 30;
/// The compression method Deflate.
const DEFLATED: u16 = 8;
const MEMBER_NAME: &[u8] = b"tfplan";
/// Most bytes of the message that are read before it is rejected.
const MAX_MESSAGE_BYTES: u64 = 1024 * 1024 * 1024;
/// Most bytes of a backend's settings.
const MAX_FIELD_BYTES: u64 = 1024 * 1024;

/// Field numbers in `planproto.proto`.
mod field {
    pub(super) const PLAN_BACKEND: u64 = 13;
    pub(super) const BACKEND_TYPE: u64 = 1;
    pub(super) const BACKEND_CONFIG: u64 = 2;
    pub(super) const BACKEND_WORKSPACE: u64 = 3;
    pub(super) const VALUE_MSGPACK: u64 = 1;
}

/// The backend in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlanBackend {
    pub(super) kind: String,
    pub(super) config: Value,
    pub(super) workspace: String,
}

impl PlanBackend {
    /// Reads the backend from a plan file.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::new(open(path).ok_or(ErrorKind::InvalidInput)?);
        let mut header = [0; MEMBER_HEADER_BYTES];
        file.read_exact(&mut header)?;
        let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let (method, name_len, extra_len) = (number(8), number(26), number(28));
        let mut name = vec![0; usize::from(name_len)];
        file.read_exact(&mut name)?;
        if !header.starts_with(&MEMBER_SIGNATURE) || method != DEFLATED || name != MEMBER_NAME {
            return Err(ErrorKind::InvalidData.into());
        }
        io::copy(&mut file.by_ref().take(extra_len.into()), &mut io::sink())?;
        let message = DeflateDecoder::new(file).take(MAX_MESSAGE_BYTES);
        let backend = bytes_of(field::PLAN_BACKEND, message)?;
        let text = |number| String::from_utf8(bytes_of(number, &*backend)?).map_err(invalid);
        let config = bytes_of(field::BACKEND_CONFIG, &*backend)?;
        Ok(Self {
            kind: text(field::BACKEND_TYPE)?,
            config: rmp_serde::from_slice(&bytes_of(field::VALUE_MSGPACK, &*config)?)
                .map_err(invalid)?,
            workspace: text(field::BACKEND_WORKSPACE)?,
        })
    }
}

fn invalid(fault: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, fault)
}

/// Returns the bytes of the first field with this number in a message; skips the others.
fn bytes_of(number: u64, mut message: impl Read) -> io::Result<Vec<u8>> {
    loop {
        let tag = varint(&mut message)?;
        let len = match tag & 7 {
            0 => {
                varint(&mut message)?;
                continue;
            }
            1 => 8,
            2 => varint(&mut message)?,
            5 => 4,
            _ => return Err(ErrorKind::InvalidData.into()),
        };
        let is_wanted = tag >> 3 == number && len <= MAX_FIELD_BYTES;
        let mut content = message.by_ref().take(len);
        let mut bytes = Vec::new();
        let read = match is_wanted {
            true => io::copy(&mut content, &mut bytes)?,
            false => io::copy(&mut content, &mut io::sink())?,
        };
        if read < len {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if is_wanted {
            return Ok(bytes);
        }
    }
}

/// Reads a number with seven bits per byte, the lowest ones first.
fn varint(message: &mut impl Read) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let mut byte = [0];
        message.read_exact(&mut byte)?;
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ErrorKind::InvalidData.into())
}
