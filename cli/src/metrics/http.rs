//! A very small HTTP server: pages that are made when they are asked for, and nothing else.
//!
//! What comes is not trusted: a request has a bounded length and a bounded time, and there is a bounded number of them at
//! once. There is no body, no second request on a connection, and nothing is written anywhere.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longest head of a request.
const MAX_HEAD_BYTES: usize = 8 << 10;
/// Most header lines.
const MAX_HEADERS: usize = 64;
/// Longest time from the connection to the end of the request, and then to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most connections at once; others are closed.
const MAX_CONNECTIONS: usize = 8;
/// How long is rested when no connection can be accepted, because there are no descriptors left.
const FAILED_PAUSE: Duration = Duration::from_millis(100);

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// What it is.
    pub content_type: &'static str,
    /// Its content.
    pub body: String,
}

impl Page {
    /// A page of plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// Waits for connections.
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    is_stopped: AtomicBool,
}

impl HttpServer {
    /// Waits at an address.
    ///
    /// # Errors
    /// If it is taken, or not one of this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, is_stopped: AtomicBool::new(false) })
    }

    /// Where it waits; the port is the one that was found, if none was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with the `page` of a path, until it is [stopped](Self::stop).
    pub fn serve(&self, page: &(dyn Fn(&str) -> Option<Page> + Sync)) {
        let n_open = AtomicUsize::new(0);
        thread::scope(|scope| {
            for connection in self.listener.incoming() {
                if self.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(connection) = connection else {
                    thread::sleep(FAILED_PAUSE);
                    continue;
                };
                if n_open.load(Ordering::SeqCst) >= MAX_CONNECTIONS {
                    continue;
                }
                n_open.fetch_add(1, Ordering::SeqCst);
                let n_open = &n_open;
                let answered = thread::Builder::new().name("metrics".to_owned()).spawn_scoped(scope, move || {
                    // Who went away needs no answer.
                    let _ = answer(connection, page);
                    n_open.fetch_sub(1, Ordering::SeqCst);
                });
                if answered.is_err() {
                    n_open.fetch_sub(1, Ordering::SeqCst);
                }
            }
        });
    }

    /// Ends [`serve`](Self::serve), which waits for the answers that are on their way.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        // It waits for a connection: this is one.
        let _ = TcpStream::connect_timeout(&address, TIMEOUT);
    }
}

fn answer(mut connection: TcpStream, page: &dyn Fn(&str) -> Option<Page>) -> io::Result<()> {
    let (page, has_body) = match read_request(&mut connection)? {
        Ok(Request { method, path }) => {
            let path = path.split_once('?').map_or(&*path, |(path, _)| path);
            match &*method {
                "GET" | "HEAD" => (page(path).unwrap_or(Page::text(404, "not found\n")), method == "GET"),
                _ => (Page::text(405, "only GET and HEAD are answered\n"), true),
            }
        }
        Err(page) => (page, true),
    };
    let Page { status, content_type, body } = page;
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Bad Request",
    };
    let allow = if status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{allow}\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.set_write_timeout(Some(TIMEOUT))?;
    connection.write_all(head.as_bytes())?;
    if has_body {
        connection.write_all(body.as_bytes())?;
    }
    connection.shutdown(std::net::Shutdown::Write)
}

/// What is asked for.
struct Request {
    method: String,
    path: String,
}

/// Reads a request, or says what is wrong with it.
fn read_request(connection: &mut TcpStream) -> io::Result<Result<Request, Page>> {
    let deadline = Instant::now() + TIMEOUT;
    let mut head = Vec::with_capacity(1024);
    let mut piece = [0; 1024];
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => {
                let (method, path) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
                return Ok(Ok(Request { method: method.to_owned(), path: path.to_owned() }));
            }
            Ok(httparse::Status::Partial) if head.len() >= MAX_HEAD_BYTES => {
                return Ok(Err(Page::text(431, "the request is too long\n")));
            }
            Ok(httparse::Status::Partial) => {}
            Err(httparse::Error::TooManyHeaders) => return Ok(Err(Page::text(431, "too many headers\n"))),
            Err(error) => return Ok(Err(Page::text(400, format!("{error}\n")))),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Err(Page::text(408, "the request took too long\n")));
        }
        connection.set_read_timeout(Some(left))?;
        let room = piece.len().min(MAX_HEAD_BYTES - head.len());
        match connection.read(&mut piece[..room]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n_read) => head.extend_from_slice(&piece[..n_read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn with_server(scene: impl FnOnce(SocketAddr)) {
        let server = HttpServer::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let page = |path: &str| (path == "/metrics").then(|| Page::text(200, "a 1\n"));
        thread::scope(|scope| {
            scope.spawn(|| server.serve(&page));
            scene(server.address());
            server.stop();
        });
    }

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(request).unwrap();
        let mut answer = Vec::new();
        // What was sent and is not read any more resets the connection, behind the answer.
        let _ = connection.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn pages_are_answered_and_nonsense_is_refused() {
        with_server(|address| {
            let check = |request: &[u8], status: &str, body: &str| {
                let answer = ask(address, request);
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
                assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
                assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
            };
            check(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "a 1\n");
            check(b"GET /metrics?name=x HTTP/1.0\r\n\r\n", "200 OK", "a 1\n");
            check(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "");
            check(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", "not found\n");
            check(b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405", "only GET and HEAD are answered\n");
            check(b"\x16\x03\x01\x02", "400", "invalid token\n");
            let many = [&b"GET / HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(MAX_HEADERS + 1), b"\r\n"].concat();
            check(&many, "431", "too many headers\n");
            let long = [&b"GET / HTTP/1.1\r\nA: "[..], &[b'a'; MAX_HEAD_BYTES]].concat();
            check(&long[..MAX_HEAD_BYTES], "431", "the request is too long\n");
        });
    }

    #[test]
    fn who_says_nothing_is_not_waited_for_and_keeps_nobody_out() {
        with_server(|address| {
            let silent: Vec<TcpStream> = (1..MAX_CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
            let answer = ask(address, b"GET /metrics HTTP/1.1\r\n\r\n");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            for mut connection in silent {
                let mut answer = String::new();
                connection.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
            }
        });
    }
}
