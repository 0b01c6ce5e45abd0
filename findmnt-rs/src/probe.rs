//! Finds the file system on a device by its magic bytes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use nix::errno::Errno;

/// A type, the offset of its magic bytes, and the magic bytes.
const MARKS: &[(&str, u64, &[u8])] = &[
    ("xfs", 0, b"XFSB"),
    ("squashfs", 0, b"hsqs"),
    ("crypto_LUKS", 0, b"LUKS\xba\xbe"),
    ("ntfs", 3, b"NTFS    "),
    ("exfat", 3, b"EXFAT   "),
    ("vfat", 54, b"FAT1"),
    ("vfat", 82, b"FAT32   "),
    ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
    ("f2fs", 1024, b"\x10\x20\xf5\xf2"),
    ("swap", 4086, b"SWAPSPACE2"),
    ("swap", 4086, b"SWAP-SPACE"),
    ("iso9660", 0x8001, b"CD001"),
    ("udf", 0x8001, b"BEA01"),
    ("btrfs", 0x1_0040, b"_BHRfS_M"),
];

/// The length of the beginning of a device that contains all magic bytes.
const LENGTH: usize = 0x1_0048;

/// The type of the file system on a device or in a file.
///
/// # Errors
/// If the device cannot be read; `UnknownErrno` if no file system is recognized.
pub fn file_system(path: &OsStr) -> nix::Result<&'static str> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => Errno::UnknownErrno,
        _ => Errno::from_raw(error.raw_os_error().unwrap_or(0)),
    };
    let mut file = File::open(path).map_err(failed)?;
    let kind = file.metadata().map_err(failed)?.file_type();
    use std::os::unix::fs::FileTypeExt;
    if !kind.is_file() && !kind.is_block_device() {
        return Err(Errno::EINVAL);
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut text = Vec::with_capacity(LENGTH);
    file.take(LENGTH as u64).read_to_end(&mut text).map_err(failed)?;
    known(&text).ok_or(Errno::UnknownErrno)
}

fn known(text: &[u8]) -> Option<&'static str> {
    let has = |&&(_, at, mark): &&(&str, u64, &[u8])| {
        text.get(at as usize..).is_some_and(|text| text.starts_with(mark))
    };
    MARKS.iter().find(has).map(|&(name, ..)| name).or_else(|| extended(text))
}

/// ext2, ext3 and ext4 have the same magic bytes; their features differ (fs/ext4/ext4.h).
fn extended(text: &[u8]) -> Option<&'static str> {
    const SUPERBLOCK: usize = 1024;
    const JOURNAL: u32 = 0x4;
    // Features that ext3 lacks: all except filetype, recover, meta_bg; all except sparse_super, large_file,
    // btree_dir.
    const INCOMPATIBLE: u32 = !(0x2 | 0x4 | 0x10);
    const READ_ONLY: u32 = !(0x1 | 0x2 | 0x4);
    let superblock = text.get(SUPERBLOCK..SUPERBLOCK + 104)?;
    let word = |at: usize| superblock[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
    if superblock[56..58] != [0x53, 0xef] {
        return None;
    }
    Some(
        match (word(92) & JOURNAL != 0, word(96) & INCOMPATIBLE != 0 || word(100) & READ_ONLY != 0)
        {
            (_, true) => "ext4",
            (true, false) => "ext3",
            (false, false) => "ext2",
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_magic_bytes_are_found() {
        for &(name, at, mark) in MARKS {
            let mut text = vec![0; LENGTH];
            text[at as usize..at as usize + mark.len()].copy_from_slice(mark);
            assert_eq!(known(&text), Some(name));
            let end = at as usize + mark.len() - 1;
            assert_eq!(known(&text[..end]), None);
        }
    }

    #[test]
    fn the_extended_family() {
        let superblock = |compatible: u8, incompatible: u8, read_only: u8| {
            let mut text = vec![0; 2048];
            text[1080..1082].copy_from_slice(&[0x53, 0xef]);
            (text[1116], text[1120], text[1124]) = (compatible, incompatible, read_only);
            known(&text)
        };
        assert_eq!(superblock(0, 2, 3), Some("ext2"));
        assert_eq!(superblock(4, 2, 3), Some("ext3"));
        assert_eq!(superblock(4, 2 | 4 | 0x10, 1 | 2 | 4), Some("ext3"));
        assert_eq!(superblock(4, 0x42, 3), Some("ext4"));
        assert_eq!(superblock(4, 2, 8), Some("ext4"));
    }
}
