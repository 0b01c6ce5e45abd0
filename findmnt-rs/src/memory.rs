//! Room for thousands of mounts.

use common::sys;

/// From this size on, in bytes, a huge page costs less than the page faults that it saves.
pub const LARGE: usize = 256 << 10;

/// A vector with room for `count` values, which come in huge pages: a fault for each small page of a large
/// table takes as long as all that is done with what it holds.
pub fn large<T>(count: usize) -> Vec<T> {
    const HUGE_PAGE: usize = 2 << 20;
    // What malloc(3) adds; the kernel aligns only what is a multiple of huge pages as a whole.
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
    fn there_is_room() {
        for count in [0, 1, 100_000] {
            let mut values = large::<[u8; 92]>(count);
            assert!(values.capacity() >= count);
            values.push([1; 92]);
            assert_eq!(values[0][91], 1);
        }
    }
}
