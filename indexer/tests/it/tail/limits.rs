//! What the machine does not give: permissions, descriptors, notices, a server that remembers.

use super::alone::{alone, set_limit};
use super::{Following, follow, follow_with};
use crate::lab::{Lab, line, lines, open_writer};
use rustix::process::Resource;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::tail::{FileState, FileStatus, Notices, TailOptions};
use trawl_indexer::{FileError, Outcome, Progress, index};
use trawl_store::{StoreError, Writer};

fn status_of(tail: &Following<'_>, path: &Path) -> FileStatus {
    tail.status().files.into_iter().find(|file| file.path == path).expect("the file is known")
}

/// Has every `pread` and `fstat` of this thread on one descriptor fail as if a server had forgotten the file.
fn forget_on_the_server(fd: i32) {
    let (load, jump_if, answer) = (0x20, 0x15, 0x06);
    let [nr, arg] = [0, 16];
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let is = |k: u32, jt, jf| libc::sock_filter { code: jump_if, jt, jf, k };
    let mut filter = [
        statement(load, nr),
        is(libc::SYS_pread64 as u32, 3, 0),
        is(libc::SYS_fstat as u32, 2, 0),
        is(libc::SYS_statx as u32, 1, 0),
        statement(answer, libc::SECCOMP_RET_ALLOW),
        statement(load, arg),
        is(fd as u32, 0, 1),
        statement(answer, libc::SECCOMP_RET_ERRNO | libc::ESTALE as u32),
        statement(answer, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program lives until the calls return; it holds for this thread only.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

/// The descriptor by which this process has a file open.
fn descriptor_of(path: &Path) -> i32 {
    let entries = fs::read_dir("/proc/self/fd").expect("procfs").flatten();
    let mut named = entries.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path));
    let name = named.next().expect("it is open").file_name();
    name.to_str().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn situation_24_a_server_forgets_the_open_file() {
    alone("tail::limits::situation_24_a_server_forgets_the_open_file", || {
        let lab = Lab::new();
        lab.write_on("app.log", lines(0, 5));
        // The file gets a high number, which nothing else gets once the low ones are free again.
        let low: Vec<fs::File> = (0..200).map(|_| fs::File::open("/dev/null").expect("open")).collect();
        follow(&lab, &["app.log"], |tail| {
            tail.see();
            drop(low);
            let number = descriptor_of(&lab.path("app.log"));
            forget_on_the_server(number);
            lab.write_on("app.log", lines(5, 8));
            tail.see();
            assert_ne!(descriptor_of(&lab.path("app.log")), number, "it was opened again");
            lab.write_on("app.log", lines(8, 9));
            tail.settle();
            assert!(status_of(tail, &lab.path("app.log")).error.is_none());
        });
        lab.check(&[("app.log", 0, lines(0, 9).as_bytes())]);
    });
}

#[test]
fn situation_24_and_26_directories_of_which_no_notices_come() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 5));
    follow(&lab, &["app.log"], |tail| {
        tail.settle();
        let why = BTreeMap::from([(lab.path("").components().collect::<PathBuf>(), "no more watches".to_owned())]);
        tail.tailer.set_unwatched(why);
        assert_eq!(tail.status().unwatched.len(), 1);
        // Quiet for so long that it would be looked at with the next rescan only.
        tail.wait(Duration::from_secs(301));
        lab.write_on("app.log", lines(5, 8));
        tail.wait(Duration::from_millis(1250));
        lab.check(&[("app.log", 0, lines(0, 8).as_bytes())]);
    });
}

#[test]
fn situation_25_nothing_is_known_but_that_notices_were_lost() {
    let lab = Lab::new();
    follow(&lab, &["**/*.log"], |tail| {
        tail.see();
        for n in 0..500 {
            lab.write_on(&format!("{}/{n:03}.log", n % 9), line(n));
        }
        tail.pump(Notices { rescan: true, written: Vec::new() });
        tail.wait(Duration::from_millis(500));
    });
    let mut texts = lab.texts();
    texts.sort();
    assert_eq!(texts.concat(), lines(0, 500));
}

#[test]
fn situation_29_fewer_descriptors_than_files() {
    alone("tail::limits::situation_29_fewer_descriptors_than_files", || {
        let lab = Lab::new();
        for n in 0..300 {
            lab.write_on(&format!("{n:03}.log"), line(0));
        }
        set_limit(Resource::Nofile, Some(80));
        follow_with(&lab, &["*.log"], TailOptions::default(), |tail| {
            tail.see();
            let files = tail.status().files;
            let failed: Vec<_> = files.iter().filter_map(|file| file.error.as_ref()).collect();
            assert!(failed.is_empty(), "{failed:?}");
            for n in 0..300 {
                lab.write_on(&format!("{n:03}.log"), line(1));
            }
            tail.settle();
        });
        let contents = lab.contents();
        assert_eq!(contents.len(), 300);
        assert!(contents.values().all(|content| content == lines(0, 2).as_bytes()));
    });
}

/// Runs `scene` as somebody to whom permissions apply: as nobody, if the tests run as root.
fn without_privileges(lab: &Lab, scene: impl FnOnce() + Send) {
    if !rustix::process::geteuid().is_root() {
        return scene();
    }
    const NOBODY: u32 = 65534;
    for dir in [lab.path("").as_path(), lab.data()] {
        chown(dir, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
    // Holds for a thread; the tailer looks at files in those of a pool.
    let become_nobody = |_| {
        // SAFETY: calls without memory.
        unsafe {
            libc::setfsgid(NOBODY);
            libc::setfsuid(NOBODY);
        }
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).start_handler(become_nobody).build().expect("threads");
    pool.install(scene);
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("own file");
}

#[test]
fn situation_30_a_file_that_may_not_be_read() {
    let lab = Lab::new();
    without_privileges(&lab, || {
        lab.write_on("app.log", lines(0, 5));
        let path = lab.path("app.log");
        set_mode(&path, 0o000);
        follow(&lab, &["*.log"], |tail| {
            tail.wait(Duration::from_secs(60));
            let status = status_of(tail, &path);
            let (why, age) = status.error.expect("it cannot be read");
            assert_eq!(status.state, FileState::Failed);
            assert!(why.contains("ermission") && age >= Duration::from_secs(45), "{why}, for {age:?}");
            set_mode(&path, 0o600);
            tail.settle();
            assert_eq!(status_of(tail, &path).state, FileState::Followed);
            lab.check(&[("app.log", 0, lines(0, 5).as_bytes())]);
        });
        // Lost between two runs, while it was followed, and regained.
        let options = TailOptions { max_open_files: 1, ..TailOptions::default() };
        lab.write_on("other.log", line(0));
        follow_with(&lab, &["*.log"], options, |tail| {
            tail.settle();
            lab.write_on("other.log", line(1));
            tail.see();
            set_mode(&path, 0o600);
            lab.write_on("app.log", lines(5, 8));
            set_mode(&path, 0o000);
            tail.wait(Duration::from_secs(30));
            let (_, age) = status_of(tail, &path).error.expect("it cannot be opened again");
            assert!(age >= Duration::from_secs(15), "{age:?}");
            set_mode(&path, 0o600);
            tail.settle();
            assert!(status_of(tail, &path).error.is_none());
        });
    });
    lab.check(&[("app.log", 0, lines(0, 8).as_bytes()), ("other.log", 0, lines(0, 2).as_bytes())]);
}

#[test]
fn situation_30_a_directory_that_may_not_be_read() {
    let lab = Lab::new();
    without_privileges(&lab, || {
        lab.write_on("logs/app.log", format!("{}2026-11-20 00:10:00 ERROR failed\n", lines(0, 5)));
        lab.write_on("logs/other.log", line(0));
        // One of the two is closed while the directory is locked.
        let options =
            TailOptions { max_open_files: 1, event_timeout: Duration::from_secs(600), ..TailOptions::default() };
        let dir = lab.path("logs");
        follow_with(&lab, &["logs/*.log"], options, |tail| {
            tail.settle();
            set_mode(&dir, 0o000);
            tail.wait(Duration::from_secs(200));
            let status = tail.status();
            assert_eq!(status.unlisted.len(), 1, "{:?}", status.unlisted);
            assert_eq!(status.files.len(), 2, "nobody can say whether they are gone");
            let errors: Vec<_> = status.files.iter().filter_map(|file| file.error.as_ref()).collect();
            assert!(errors.iter().any(|(_, age)| *age >= Duration::from_secs(150)), "{errors:?}");
            set_mode(&dir, 0o700);
            tail.settle();
            assert!(tail.status().files.iter().all(|file| file.error.is_none()), "{:?}", tail.status().files);
            lab.write_on("logs/app.log", "\tat a.b.C.d(C.java:1)\n");
            tail.settle();
            tail.tailer.finish(tail.now());
        });
    });
    let log = format!("{}2026-11-20 00:10:00 ERROR failed\n\tat a.b.C.d(C.java:1)\n", lines(0, 5));
    lab.check(&[("app.log", 0, log.as_bytes()), ("other.log", 0, line(0).as_bytes())]);
    assert_eq!(lab.events().len(), 7, "the event was not torn");
}

#[test]
fn situation_41_a_second_instance_is_told_who_the_first_one_is() {
    let lab = Lab::new();
    let writer = open_writer(lab.data());
    let Err(error) = Writer::open(lab.data()) else { panic!("two writers") };
    assert!(matches!(&error, StoreError::Locked { .. }));
    let text = error.to_string();
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(text.contains(&lab.data().display().to_string()), "{text}");
    drop(writer);
}

#[test]
fn situation_43_files_that_are_made_when_they_are_read() {
    let lab = Lab::new();
    for made in ["/proc/self/status", "/sys/kernel/uevent_seqnum"] {
        std::os::unix::fs::symlink(made, lab.path(&made.replace('/', "-"))).expect("link");
    }
    lab.write_on("app.log", line(0));
    follow(&lab, &["*"], |tail| {
        tail.settle();
        let files = tail.status().files;
        let failed = files.iter().filter_map(|file| file.error.as_ref().filter(|_| file.state == FileState::Failed));
        let reasons: Vec<&str> = failed.map(|(why, _)| why.as_str()).collect();
        assert_eq!(reasons.len(), 2, "{files:?}");
        assert!(reasons.iter().any(|why| why.contains("proc")) && reasons.iter().any(|why| why.contains("sysfs")));
    });
    lab.check(&[("app.log", 0, line(0).as_bytes())]);
    // So it is for a load.
    let inputs = [trawl_indexer::Input::Path("/proc/self/status".into())];
    let writer = open_writer(lab.data());
    let report = index(&writer, &Registry::builtin(), &inputs, &lab.options, &Progress::default()).expect("run");
    assert_eq!(report.files[0].outcome, Outcome::Failed);
    assert!(matches!(report.files[0].errors[..], [FileError::Made { file_system: "proc" }]), "{:?}", report.files);
}

#[test]
fn descriptors_are_found_by_path() {
    let lab = Lab::new();
    lab.write("a", "");
    let file = fs::File::open(lab.path("a")).expect("open");
    assert_eq!(descriptor_of(&lab.path("a")), file.as_raw_fd());
}
