//! A small HTTP server on loopback that does what a test says, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers.
    Say(u16, Vec<(&'static str, String)>, String),
    /// Says nothing until the test ends.
    Hang,
    /// Answers with this status, and then a byte of the body now and then.
    Drip(u16),
    /// Takes the request and closes the connection.
    Close,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Say(status, Vec::new(), String::new())
    }

    pub fn json(status: u16, body: serde_json::Value) -> Self {
        Self::Say(status, vec![("Content-Type", "application/json".into())], body.to_string())
    }
}

type Handler = dyn Fn(&Received, usize) -> Reply + Send + Sync;

pub struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that asks `handler` what to do; it is told how many requests there were before.
    pub fn new(handler: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = thread::spawn({
            let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
            move || {
                let mut connections = Vec::new();
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let Ok(stream) = stream else { continue };
                    let (handler, received, stop) = (Arc::clone(&handler), Arc::clone(&received), Arc::clone(&stop));
                    connections.push(thread::spawn(move || serve(stream, &*handler, &received, &stop)));
                }
                for connection in connections {
                    connection.join().expect("a connection");
                }
            }
        });
        Self { address, received, stop, thread: Some(thread) }
    }

    /// A server that answers with these, in turn; with the last one from then on.
    pub fn with(replies: Vec<Reply>) -> Self {
        Self::new(move |_, n_before| replies[n_before.min(replies.len() - 1)].clone())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server");
        }
    }
}

fn serve(mut stream: TcpStream, handler: &Handler, received: &Mutex<Vec<Received>>, stop: &AtomicBool) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let Some(request) = read_request(&stream) else { return };
    let n_before = {
        let mut received = received.lock().expect("no panic");
        received.push(request.clone());
        received.len() - 1
    };
    match handler(&request, n_before) {
        Reply::Say(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            // A client that has gone is its own affair.
            let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
        }
        Reply::Hang => {
            while !stop.load(Ordering::SeqCst) && is_open(&stream) {
                thread::sleep(Duration::from_millis(10));
            }
        }
        Reply::Drip(status) => {
            let _ = stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 100000\r\n\r\n").as_bytes());
            while !stop.load(Ordering::SeqCst) && stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        }
        Reply::Close => {}
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Whether the client is still there.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a mode");
    let is_open = !matches!(stream.peek(&mut [0]), Ok(0));
    stream.set_nonblocking(false).expect("a mode");
    is_open
}

fn read_request(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut received = Received { method, path, headers, body: Vec::new() };
    let length = received.header("Content-Length").map_or(0, |length| length.parse().expect("a length"));
    received.body = vec![0; length];
    reader.read_exact(&mut received.body).ok()?;
    Some(received)
}
