//! The threads that read standard input and FIFOs.

use super::run::Fed;
use super::streams::StreamOrigin;
use crate::command::{is_closed, wait};
use crossbeam_channel::Sender;
use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 << 10;
/// How often a FIFO is looked for at its path.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// What a stream has brought.
pub(crate) struct Chunk {
    /// Position of the stream.
    pub(super) stream: usize,
    pub(super) news: News,
    /// Told when the next one may come.
    pub(super) room: Sender<()>,
}

pub(super) enum News {
    Bytes(Vec<u8>),
    Failed(io::Error),
    /// Nothing will come any more.
    End,
}

/// Reads a stream until it ends or `stop` is closed.
pub(super) fn read_all(
    origin: &StreamOrigin,
    stream: usize,
    stop: &PipeReader,
    feeds: &Sender<Fed>,
    wake: &Sender<()>,
) {
    let tell = |news: News| {
        let (room, has_room) = crossbeam_channel::bounded(1);
        if feeds.send(Fed::Chunk(Chunk { stream, news, room })).is_err() {
            return false;
        }
        // Full: the tailer is about to wake up.
        let _ = wake.try_send(());
        has_room.recv().is_ok()
    };
    match origin {
        StreamOrigin::Stdin => {
            match read_stdin(stop, &tell) {
                Ok(()) => {}
                Err(error) => drop(tell(News::Failed(error))),
            }
            tell(News::End);
        }
        StreamOrigin::Fifo(path) => read_fifo(path, stop, &tell),
    }
}

fn read_stdin(stop: &PipeReader, tell: &dyn Fn(News) -> bool) -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let ready = [stdin.as_fd(), stop.as_fd()];
        wait(&ready, REOPEN_INTERVAL)?;
        if is_closed(stop) {
            return Ok(());
        }
        if !can_read(ready[0]) {
            continue;
        }
        match stdin.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) if !tell(News::Bytes(buffer[..n].to_vec())) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a read would not block.
fn can_read(fd: BorrowedFd<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    // A file that cannot be polled can be read.
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n_ready| n_ready > 0)
}

fn read_fifo(path: &Path, stop: &PipeReader, tell: &dyn Fn(News) -> bool) {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut fifo: Option<File> = None;
    loop {
        if is_closed(stop) {
            return;
        }
        let Some(open) = &mut fifo else {
            match open_fifo(path) {
                Ok(opened) => fifo = Some(opened),
                Err(error) => {
                    if !tell(News::Failed(error)) || wait(&[stop.as_fd()], REOPEN_INTERVAL).is_err() {
                        return;
                    }
                }
            }
            continue;
        };
        match open.read(&mut buffer) {
            Ok(0) => {
                // The next one is opened before this one is closed: there is never a moment without a reader, in which a
                // writer would fail. A pipe that was never written to since it was opened is not at its end.
                fifo = open_fifo(path).ok();
                if fifo.as_ref().is_some_and(|fifo| wait(&[fifo.as_fd(), stop.as_fd()], REOPEN_INTERVAL).is_err()) {
                    return;
                }
            }
            Ok(n) if !tell(News::Bytes(buffer[..n].to_vec())) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if wait(&[open.as_fd(), stop.as_fd()], REOPEN_INTERVAL).is_err() {
                    return;
                }
                if !can_read(open.as_fd()) && !is_same_fifo(open, path) {
                    fifo = None;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                fifo = None;
                if !tell(News::Failed(error)) {
                    return;
                }
            }
        }
    }
}

/// Opens a FIFO without waiting for a writer.
fn open_fifo(path: &Path) -> io::Result<File> {
    let fifo = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !fifo.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("is no FIFO"));
    }
    Ok(fifo)
}

/// Whether the FIFO at a path still is the one that was opened.
fn is_same_fifo(open: &File, path: &Path) -> bool {
    match (open.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}
