//! Advice about memory: madvise(2).

use std::ffi::c_int;

/// madvise(2): memory that is about to be filled is to be one of huge pages now, as far as it covers whole ones.
/// Nothing is lost where the kernel cannot (before Linux 6.1 it does not know the advice).
pub fn make_huge_pages<T>(memory: &mut [std::mem::MaybeUninit<T>]) {
    const PAGE: usize = 4096;
    const MADV_COLLAPSE: c_int = 25;
    let before = memory.as_mut_ptr().addr() % PAGE;
    let start = memory.as_mut_ptr().cast::<u8>().wrapping_sub(before);
    let length = before + size_of_val(memory);
    // SAFETY: the advice changes how pages are backed and not their contents, even if others use the first and
    // the last of them.
    unsafe { libc::madvise(start.cast(), length, MADV_COLLAPSE) };
}
