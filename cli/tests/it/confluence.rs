//! `trawl rca publish` against a small Confluence that keeps pages and attachments, and that Confluence against a client of the
//! real one.

use crate::support::{Run, Sandbox, folder_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

const TOKEN: &str = "geheim-0815";

#[derive(Clone, Default)]
struct Page {
    title: String,
    space: String,
    parent: Option<String>,
    body: String,
    version: u64,
    /// Name, version and bytes.
    attachments: Vec<(String, u64, Vec<u8>)>,
}

#[derive(Default)]
struct State {
    pages: BTreeMap<u64, Page>,
    /// So many updates meet somebody else's, which came a moment before.
    n_races: u64,
    n_requests: usize,
    is_over: bool,
}

/// Confluence's REST interface on loopback, as far as publishing needs it.
struct Confluence {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Confluence {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let thread = thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for stream in listener.incoming() {
                    let mut state = state.lock().unwrap();
                    if state.is_over {
                        break;
                    }
                    serve(stream.unwrap(), &mut state);
                }
            }
        });
        Self { address, state, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}/wiki/", self.address)
    }

    fn page(&self, id: u64) -> Page {
        self.state.lock().unwrap().pages[&id].clone()
    }
}

impl Drop for Confluence {
    fn drop(&mut self) {
        self.state.lock().unwrap().is_over = true;
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(mut stream: TcpStream, state: &mut State) {
    let Some(request) = read_request(&stream) else { return };
    state.n_requests += 1;
    let (status, body) = answer(&request, state);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // A client that has gone is its own affair.
    let _ = stream.write_all((head + &body).as_bytes());
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let target = rest.split(' ').next()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), decoded(v))).collect();
    let (method, path) = (method.to_owned(), decoded(path));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let len = headers.get("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, query, headers, body })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte.unwrap_or(b'0')).to_digit(16).unwrap_or(0) as u8;
        bytes.push(match byte {
            b'%' => hex(rest.next()) << 4 | hex(rest.next()),
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn shown(id: u64, page: &Page) -> Value {
    json!({
        "id": id.to_string(), "type": "page", "status": "current", "title": page.title, "version": { "number": page.version },
        "space": { "key": page.space }, "body": { "storage": { "value": page.body, "representation": "storage" } },
        "_links": { "base": "https://wiki.example.com", "webui": format!("/pages/{id}") },
    })
}

fn refused(status: u16, message: &str) -> (u16, Value) {
    (status, json!({ "statusCode": status, "message": message }))
}

fn answer(request: &Request, state: &mut State) -> (u16, Value) {
    // A bearer token, or the pair `trawl:geheim-0815`.
    let is_known = matches!(
        request.headers.get("authorization").map(String::as_str),
        Some("Bearer geheim-0815" | "Basic dHJhd2w6Z2VoZWltLTA4MTU=")
    );
    if !is_known {
        return refused(401, &format!("no entry: {:?}", request.headers.get("authorization")));
    }
    let Some(path) = request.path.strip_prefix("/wiki/rest/api/content") else { return refused(404, "no such place") };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let json = || serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    match (&*request.method, &parts[..]) {
        ("GET", []) => {
            let is_asked = |page: &Page| {
                let asked = |name: &str, value: &str| request.query.get(name).is_none_or(|asked| asked == value);
                asked("spaceKey", &page.space) && asked("title", &page.title)
            };
            let found: Vec<Value> =
                state.pages.iter().filter(|(_, page)| is_asked(page)).map(|(id, page)| shown(*id, page)).collect();
            (200, json!({ "size": found.len(), "results": found }))
        }
        ("POST", []) => {
            let Some(page) = page_of(&json(), Page::default()) else { return refused(400, "no page") };
            if state.pages.values().any(|known| (&known.space, &known.title) == (&page.space, &page.title)) {
                return refused(400, "A page with this title already exists");
            }
            let id = 1_000 + state.pages.len() as u64;
            let page = Page { version: 1, ..page };
            let shown = shown(id, &page);
            state.pages.insert(id, page);
            (200, shown)
        }
        (method, [id, rest @ ..]) => {
            let Some(page) = id.parse().ok().and_then(|id: u64| state.pages.get_mut(&id)) else {
                return refused(404, "No content found with id");
            };
            let id = id.parse().unwrap();
            match (method, rest) {
                ("GET", []) => (200, shown(id, page)),
                ("GET", ["history"]) => (200, json!({ "lastUpdated": { "number": page.version } })),
                ("PUT", []) => {
                    if state.n_races > 0 {
                        state.n_races -= 1;
                        page.version += 1;
                    }
                    let body = json();
                    if body["version"]["number"].as_u64() != Some(page.version + 1) {
                        return refused(409, "Version must be incremented on update");
                    }
                    match page_of(&body, page.clone()) {
                        Some(changed) => *page = Page { version: page.version + 1, ..changed },
                        None => return refused(400, "no page"),
                    }
                    (200, shown(id, page))
                }
                ("GET", ["child", "attachment"]) => {
                    let is_asked = |name: &str| request.query.get("filename").is_none_or(|asked| asked == name);
                    let found: Vec<Value> = (page.attachments.iter().enumerate().filter(|(_, (name, ..))| is_asked(name)))
                        .map(|(n, (name, version, _))| json!({ "id": format!("att{n}"), "title": name, "version": { "number": version } }))
                        .collect();
                    (200, json!({ "size": found.len(), "results": found }))
                }
                ("POST", ["child", "attachment", rest @ ..]) => {
                    if !request
                        .headers
                        .get("x-atlassian-token")
                        .is_some_and(|token| ["nocheck", "no-check"].contains(&&**token))
                    {
                        return refused(403, "XSRF check failed");
                    }
                    let Some((name, bytes)) = file_of(request) else { return refused(400, "no file") };
                    let known = page.attachments.iter().position(|(known, ..)| *known == name);
                    match (rest, known) {
                        ([], None) => page.attachments.push((name, 1, bytes)),
                        ([at, "data"], Some(n)) if *at == format!("att{n}") => {
                            page.attachments[n] = (name, page.attachments[n].1 + 1, bytes);
                        }
                        _ => {
                            return refused(
                                400,
                                "Cannot add a new attachment with same file name as an existing attachment",
                            );
                        }
                    }
                    (200, json!({ "results": [{ "id": "att0" }] }))
                }
                _ => refused(405, "no such method"),
            }
        }
        _ => refused(405, "no such method"),
    }
}

/// A page as a request has it.
fn page_of(body: &Value, known: Page) -> Option<Page> {
    let storage = &body["body"]["storage"];
    if body["type"] != "page" || storage["representation"] != "storage" {
        return None;
    }
    Some(Page {
        title: body["title"].as_str()?.to_owned(),
        space: body["space"]["key"].as_str().map_or(known.space.clone(), str::to_owned),
        parent: body["ancestors"][0]["id"].as_str().map(str::to_owned).or(known.parent.clone()),
        body: storage["value"].as_str()?.to_owned(),
        ..known
    })
}

/// Name and bytes of the part `file` of a form.
fn file_of(request: &Request) -> Option<(String, Vec<u8>)> {
    let (_, boundary) = request.headers.get("content-type")?.split_once("boundary=")?;
    let delimiter = format!("--{}", boundary.trim_matches('"')).into_bytes();
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let mut rest = &request.body[..];
    while let Some(at) = find(rest, &delimiter) {
        rest = &rest[at + delimiter.len()..];
        let end = find(rest, &delimiter)?;
        let part = &rest[..end];
        let head_end = find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..head_end]).into_owned();
        if let Some((_, name)) = head.split_once("filename=\"").filter(|_| head.contains("name=\"file\"")) {
            return Some((name.split('"').next()?.to_owned(), part[head_end + 4..part.len() - 2].to_vec()));
        }
    }
    None
}

fn with_case() -> Sandbox {
    let sandbox = Sandbox::with_pay_log();
    for args in [&["rca", "new", "Outage of Pay", "--in", "."][..], &["rca", "bundle", "ERROR", "-o", "b.tar.zst"]] {
        let run = sandbox.trawl(args);
        assert_eq!(run.code(), 0, "{run}");
    }
    sandbox
}

/// The folder of the case.
fn case_of(sandbox: &Sandbox) -> std::path::PathBuf {
    let mut folders = std::fs::read_dir(sandbox.path()).unwrap().flatten().map(|entry| entry.path());
    folders.find(|path| path.join("case.toml").is_file()).expect("there is a case")
}

fn publish(sandbox: &Sandbox, server: &Confluence, args: &[&str]) -> Run {
    let mut command = sandbox.command(&[&["rca", "publish", "--space", "OPS", "--url", &server.url()], args].concat());
    sandbox.finish(command.env("TRAWL_CASE", case_of(sandbox)).env("CONFLUENCE_TOKEN", TOKEN))
}

#[test]
fn a_case_is_published_and_updated() {
    let (sandbox, server) = (with_case(), Confluence::new());
    let first = publish(&sandbox, &server, &["--parent", "77", "--bundle", "b.tar.zst"]);
    assert_eq!(first.code(), 0, "{first}");
    assert_eq!(
        String::from_utf8_lossy(first.stdout()),
        "page 1000 version 1 https://wiki.example.com/pages/1000\nattached b.tar.zst\n"
    );
    let page = server.page(1000);
    assert_eq!((&*page.title, &*page.space, page.parent.as_deref()), ("Outage of Pay", "OPS", Some("77")));
    assert!(page.body.contains("<h1>Summary</h1>"), "{}", page.body);
    let bundle = std::fs::read(sandbox.path().join("b.tar.zst")).unwrap();
    assert_eq!(page.attachments, [("b.tar.zst".to_owned(), 1, bundle.clone())]);
    // Again, as a user with a password: the same page, and the next version of the attachment.
    let second = publish(&sandbox, &server, &["--bundle", "b.tar.zst", "--user", "trawl"]);
    assert_eq!(second.code(), 0, "{second}");
    let page = server.page(1000);
    assert_eq!((page.version, page.attachments), (2, vec![("b.tar.zst".to_owned(), 2, bundle)]));
    // Of another server, the page of that id is not ours.
    let elsewhere = Confluence::new();
    let there = Page { title: "Other".to_owned(), space: "OPS".to_owned(), version: 2, ..Page::default() };
    elsewhere.state.lock().unwrap().pages.insert(1000, there);
    let remembered = case_of(&sandbox).join("published.toml");
    let before = std::fs::read(&remembered).unwrap();
    assert_eq!(publish(&sandbox, &elsewhere, &[]).code(), 0);
    assert_eq!((elsewhere.page(1000).version, elsewhere.page(1001).version), (2, 1));
    std::fs::write(&remembered, before).unwrap();
    // Somebody else writes it.
    server.state.lock().unwrap().pages.get_mut(&1000).unwrap().version = 5;
    let third = publish(&sandbox, &server, &[]);
    assert_eq!(third.code(), 2, "{third}");
    assert!(third.stderr().contains("it has version 5, ours was 2") && third.stderr().contains("--force"), "{third}");
    // And once more at the same moment.
    server.state.lock().unwrap().n_races = 1;
    let forced = publish(&sandbox, &server, &["--force"]);
    assert_eq!(forced.code(), 0, "{forced}");
    assert_eq!(server.page(1000).version, 7);
    server.state.lock().unwrap().n_races = u64::MAX;
    let contended = publish(&sandbox, &server, &["--force"]);
    assert!(contended.stderr().contains("others changed the page each time"), "{contended}");
}

#[test]
fn refusals_are_explained_and_hold_no_secret() {
    let (sandbox, server) = (with_case(), Confluence::new());
    let run = publish(&sandbox, &server, &["--page", "4711"]);
    assert!(run.code() == 2 && run.stderr().contains("status 404: No content found"), "{run}");
    let taken = Page { title: "Outage of Pay".to_owned(), space: "OPS".to_owned(), version: 1, ..Page::default() };
    server.state.lock().unwrap().pages.insert(1000, taken);
    let run = publish(&sandbox, &server, &[]);
    assert!(run.code() == 2 && run.stderr().contains("--page 1000 replaces it"), "{run}");
    sandbox.file("token", b"wrong-token\n");
    let run = publish(&sandbox, &server, &["--token-file", "token"]);
    assert!(run.code() == 2 && run.stderr().contains("status 401"), "{run}");
    assert!(!run.stderr().contains("wrong-token") && !run.stderr().contains(TOKEN), "{run}");
    assert_eq!(server.page(1000).version, 1);
    let n_requests = server.state.lock().unwrap().n_requests;
    let nobody = sandbox.trawl(&["rca", "publish", "--case", ".", "--space", "OPS", "--url", &server.url()]);
    assert_eq!(nobody.code(), 2, "{nobody}");
    assert_eq!(server.state.lock().unwrap().n_requests, n_requests);
    drop(server);
}

/// What we take for Confluence serves a client of the real one.
#[test]
fn our_confluence_serves_a_client_of_the_real_one() {
    let Some(python) = folder_of("TRAWL_SERVICES") else { return };
    let has_client = Command::new(&python).args(["-c", "import atlassian"]).output().unwrap().status.success();
    if !has_client {
        #[expect(clippy::print_stderr, reason = "a skipped test must say so")]
        {
            eprintln!("note: skipped: TRAWL_SERVICES has no atlassian-python-api");
        }
        return;
    }
    let server = Confluence::new();
    let script = "import sys\n\
                  from atlassian import Confluence\n\
                  c = Confluence(url=sys.argv[1], token='geheim-0815')\n\
                  page = c.create_page(space='OPS', title='From a client', body='<p>one</p>', parent_id='77')\n\
                  again = c.update_page(page['id'], 'From a client', '<p>two</p>')\n\
                  c.attach_content(b'bytes \\x00 of a bundle', name='b.tar.zst', content_type='application/octet-stream', page_id=page['id'])\n\
                  print(page['id'], c.get_page_id('OPS', 'From a client'))";
    let url = server.url();
    let output = Command::new(python).args(["-c", script, url.trim_end_matches('/')]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1000 1000");
    let page = server.page(1000);
    assert_eq!((&*page.body, page.version, page.parent.as_deref()), ("<p>two</p>", 2, Some("77")));
    assert_eq!(page.attachments, [("b.tar.zst".to_owned(), 1, b"bytes \0 of a bundle".to_vec())]);
}
