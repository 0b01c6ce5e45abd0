//! Memory for thousands of mounts.

use common::sys;

/// The smallest size in bytes for which a huge page costs less than the page faults that it saves.
pub const LARGE: usize = 256 << 10;

/// A vector with room for `count` values, backed by huge pages. With small pages, the page faults of a large
/// table take a good part of the whole time: with 20,000 mounts 5 %.
pub fn large<T>(count: usize) -> Vec<T> {
    const HUGE_PAGE: usize = 2 << 20;
    // The bytes that malloc(3) adds. The kernel aligns a mapping only if its whole size is a multiple of huge
    // pages.
    const HEADER: usize = 64;
    let bytes = (count * size_of::<T>() + HEADER).next_multiple_of(HUGE_PAGE) - HEADER;
    let mut values = Vec::with_capacity(bytes / size_of::<T>());
    sys::make_huge_pages(values.spare_capacity_mut());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_has_room() {
        for count in [0, 1, 100_000] {
            let mut values = large::<[u8; 92]>(count);
            assert!(values.capacity() >= count);
            values.push([1; 92]);
            assert_eq!(values[0][91], 1);
        }
    }
}
