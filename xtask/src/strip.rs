//! Taking the names of functions out of the module.
//!
//! worker-build keeps them, whatever wasm-opt is told; they are a fifth of the module, and of use
//! only to somebody who reads a stack trace of a Worker that must not panic anyway. A custom
//! section can be left out without touching anything else
//! (<https://webassembly.github.io/spec/core/binary/modules.html#custom-section>).

use std::fs;
use std::path::Path;

use crate::{Context, Result};

/// Octets of the header: magic and version.
const HEADER: usize = 8;

/// The id of a custom section.
const CUSTOM: u8 = 0;

/// Rewrites the module in `file` without its custom section `name`.
///
/// # Errors
/// If it cannot be read or written, or is no module.
pub fn function_names(file: &Path) -> Result<()> {
    let module = fs::read(file).context(|| format!("cannot read {}", file.display()))?;
    let stripped = without_names(&module).ok_or("the bundle's module is not WebAssembly")?;
    fs::write(file, stripped)?;
    Ok(())
}

fn without_names(module: &[u8]) -> Option<Vec<u8>> {
    let (header, mut rest) = module.split_at_checked(HEADER)?;
    if !header.starts_with(b"\0asm") {
        return None;
    }
    let mut kept = header.to_vec();
    while let Some((&id, behind_id)) = rest.split_first() {
        let (length, body) = read_leb128(behind_id)?;
        let (body, next) = body.split_at_checked(length)?;
        if !(id == CUSTOM && section_name(body)? == b"name") {
            kept.extend_from_slice(rest.get(..rest.len() - next.len())?);
        }
        rest = next;
    }
    Some(kept)
}

fn section_name(body: &[u8]) -> Option<&[u8]> {
    let (length, name) = read_leb128(body)?;
    name.get(..length)
}

/// An unsigned number in LEB128, and what follows it.
fn read_leb128(octets: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (index, octet) in octets.iter().take(5).enumerate() {
        value |= usize::from(octet & 0x7f) << (7 * index);
        if octet & 0x80 == 0 {
            return Some((value, octets.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::without_names;

    #[test]
    fn only_the_names_go() {
        let header = b"\0asm\x01\0\0\0";
        let names = b"\x00\x08\x04name\x01\x01\x00";
        let other = b"\x00\x06\x05other";
        let types = b"\x01\x04\x01\x60\x00\x00";
        let module = [&header[..], names, types, other].concat();
        let expected = [&header[..], types, other].concat();
        assert_eq!(without_names(&module), Some(expected));
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert_eq!(without_names(b"<html></html>"), None);
        assert_eq!(without_names(b"\0asm\x01\0\0\0\x01\xff"), None);
        assert_eq!(without_names(b""), None);
    }
}
