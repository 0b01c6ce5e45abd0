//! Pseudo-terminals, and a descriptor that is passed over a socket.

use std::ffi::{c_int, c_uint};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::{descriptor, raw};

/// How many rows and columns a terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct WindowSize {
    pub rows: u16,
    pub columns: u16,
}

/// Lets the slave of this master be opened (`TIOCSPTLCK` of ioctl_tty(2)).
///
/// # Errors
/// ENOTTY where it is not a master.
pub fn unlock_slave(master: BorrowedFd) -> nix::Result<()> {
    let unlocked: c_int = 0;
    // SAFETY: the request reads one int, which outlives the call.
    Errno::result(unsafe {
        libc::ioctl(raw(master), libc::TIOCSPTLCK as _, std::ptr::from_ref(&unlocked))
    })
    .map(drop)
}

/// Opens the slave of this master, wherever its devpts is mounted (`TIOCGPTPEER`). It does not become
/// the controlling terminal.
///
/// # Errors
/// ENOTTY where it is not a master, EIO where the slave is locked.
pub fn open_slave(master: BorrowedFd) -> nix::Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the request takes a number and gives a new descriptor.
    unsafe { descriptor(libc::ioctl(raw(master), libc::TIOCGPTPEER as _, flags).into()) }
}

/// Whether this is the master of a pseudo-terminal (`TIOCGPTN`).
#[must_use]
pub fn is_master(fd: BorrowedFd) -> bool {
    let mut number: c_uint = 0;
    // SAFETY: the request writes one unsigned int.
    unsafe { libc::ioctl(raw(fd), libc::TIOCGPTN as _, &raw mut number) == 0 }
}

/// The size of a terminal (`TIOCGWINSZ`).
///
/// # Errors
/// ENOTTY where it is not a terminal.
pub fn window_size(terminal: BorrowedFd) -> nix::Result<WindowSize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request writes one struct winsize.
    Errno::result(unsafe { libc::ioctl(raw(terminal), libc::TIOCGWINSZ as _, &raw mut size) })?;
    Ok(WindowSize { rows: size.ws_row, columns: size.ws_col })
}

/// The width in columns of the terminal that `fd` is; none where it is not a terminal.
#[must_use]
pub fn terminal_width(fd: BorrowedFd) -> Option<u16> {
    window_size(fd).ok().map(|size| size.columns)
}

/// Sets the size of a terminal (`TIOCSWINSZ`); where it changes, the foreground gets a SIGWINCH.
///
/// # Errors
/// ENOTTY where it is not a terminal.
pub fn set_window_size(terminal: BorrowedFd, size: WindowSize) -> nix::Result<()> {
    let WindowSize { rows, columns } = size;
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request reads one struct winsize.
    Errno::result(unsafe { libc::ioctl(raw(terminal), libc::TIOCSWINSZ as _, &raw const size) })
        .map(drop)
}

/// Makes a terminal the controlling one of this session (`TIOCSCTTY`).
///
/// # Errors
/// EPERM where this process does not lead its session, or one of the two has another already.
pub fn set_controlling_terminal(terminal: BorrowedFd) -> nix::Result<()> {
    // SAFETY: the request takes a number.
    Errno::result(unsafe { libc::ioctl(raw(terminal), libc::TIOCSCTTY as _, 0) }).map(drop)
}

/// A control message of one descriptor (cmsg(3)): the kernel's layout, since an int follows the header
/// without a gap.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    descriptor: c_int,
}

impl Control {
    const LENGTH: usize = size_of::<libc::cmsghdr>() + size_of::<c_int>();

    fn new(descriptor: c_int) -> Self {
        // SAFETY: a header of zeros is valid.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = Self::LENGTH as _;
        header.cmsg_level = libc::SOL_SOCKET;
        header.cmsg_type = libc::SCM_RIGHTS;
        Self { header, descriptor }
    }
}

/// Calls `act` with a message of these bytes, and room for one descriptor.
fn with_message<T>(
    data: &mut libc::iovec,
    control: &mut Control,
    act: impl FnOnce(&mut libc::msghdr) -> T,
) -> T {
    // SAFETY: a message of zeros is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = data;
    message.msg_iovlen = 1;
    message.msg_control = std::ptr::from_mut(control).cast();
    // Not a byte more: padding would be room for a second descriptor.
    message.msg_controllen = Control::LENGTH as _;
    act(&mut message)
}

/// sendmsg(2): sends `data` with one descriptor (`SCM_RIGHTS` of unix(7)).
///
/// # Errors
/// ENOTSOCK where it is not a socket, EPIPE where the other end is closed.
pub fn send_descriptor(socket: BorrowedFd, fd: BorrowedFd, data: &[u8]) -> nix::Result<()> {
    let mut data = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    let mut control = Control::new(raw(fd));
    let sent = with_message(&mut data, &mut control, |message| {
        // SAFETY: the message and all that it points at outlive the call, which only reads them.
        unsafe { libc::sendmsg(raw(socket), message, libc::MSG_NOSIGNAL) }
    });
    Errno::result(sent).map(drop)
}

/// recvmsg(2): the descriptor of the message that is there; `None` where the other end is closed.
///
/// # Errors
/// EAGAIN where there is no message yet, EBADMSG for one that holds no descriptor, or more than one.
pub fn receive_descriptor(socket: BorrowedFd) -> nix::Result<Option<OwnedFd>> {
    let mut bytes = [0_u8; 4096];
    let mut data = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control::new(-1);
    control.header.cmsg_len = 0;
    let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
    let (received, truncated) = with_message(&mut data, &mut control, |message| {
        // SAFETY: the message and all that it points at outlive the call, and their sizes are given.
        let received = unsafe { libc::recvmsg(raw(socket), message, flags) };
        (received, message.msg_flags & libc::MSG_CTRUNC != 0)
    });
    let received = Errno::result(received)?;
    let header = &control.header;
    let has_one = header.cmsg_len == Control::LENGTH as _
        && (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS);
    // SAFETY: the kernel put a new descriptor there that nobody else owns.
    let fd = has_one.then(|| unsafe { OwnedFd::from_raw_fd(control.descriptor) });
    match fd {
        Some(fd) if !truncated => Ok(Some(fd)),
        None if received == 0 => Ok(None),
        _ => Err(Errno::EBADMSG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_descriptor_goes_over_a_socket() {
        let (one, other) = UnixStream::pair().unwrap();
        assert_eq!(receive_descriptor(other.as_fd()).unwrap_err(), Errno::EAGAIN);
        let file = std::fs::File::open("/dev/null").unwrap();
        send_descriptor(one.as_fd(), file.as_fd(), b"name").unwrap();
        let received = receive_descriptor(other.as_fd()).unwrap().unwrap();
        assert_ne!(received.as_raw_fd(), file.as_raw_fd());
        assert!(!is_master(received.as_fd()));
        std::io::Write::write_all(&mut &one, b"no descriptor").unwrap();
        assert_eq!(receive_descriptor(other.as_fd()).unwrap_err(), Errno::EBADMSG);
        drop(one);
        assert!(receive_descriptor(other.as_fd()).unwrap().is_none());
    }
}
