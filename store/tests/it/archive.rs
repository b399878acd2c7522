//! Buckets leave the store as files, and come back whole or not at all.

use crate::helpers::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use trawl_formats::Registry;
use trawl_store::archive::{self, ArchivedBucket, NotRestored};
use trawl_store::retention::{MinFree, Policies, Policy};
use trawl_store::verify::verify;
use trawl_store::{BucketRow, Reader, SourceState, StoreError, Writer, rebuild_catalog};

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    /// A store with two buckets, and an empty archive.
    fn new() -> Self {
        let lab = Self { dir: tempfile::tempdir().expect("temporary directory") };
        fs::create_dir(lab.archive()).expect("create");
        index(&lab.data(), &[("/a.log", &log("alpha", 200)), ("/b.log", &log("beta", 90))]);
        index(&lab.data(), &[("/c.log", &log("gamma", 20))]);
        lab
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn archive(&self) -> PathBuf {
        self.dir.path().join("archive")
    }

    /// A writer under which everything goes to the archive.
    fn writer(&self) -> Writer {
        let writer = Writer::open(&self.data()).expect("writer");
        let policy = Policy { max_size: Some(0), archive: Some(self.archive()), ..Policy::default() };
        writer.set_retention(Policies::from(BTreeMap::from([(main_index(), policy)])));
        writer
    }

    fn archived(&self) -> Vec<ArchivedBucket> {
        let (found, problems) = archive::list(&self.archive()).expect("list");
        assert!(problems.is_empty(), "{problems:?}");
        found
    }

    fn n_buckets(&self) -> usize {
        Reader::open(&self.data()).expect("reader").snapshot().expect("snapshot").buckets.len()
    }

    fn sources(&self) -> Vec<SourceState> {
        let mut sources = Reader::open(&self.data()).expect("reader").sources().expect("sources");
        // How much of it has aged out is what changes.
        let generations = sources.iter_mut().flat_map(|source| &mut source.generations);
        generations.for_each(|generation| generation.aged_out = trawl_store::RangeSet::default());
        sources
    }
}

#[test]
fn what_went_comes_back_once_and_stays_until_it_is_released() {
    let lab = Lab::new();
    let sources = lab.sources();
    let texts = || ["/a.log", "/b.log", "/c.log"].map(|path| raw_of(&Reader::open(&lab.data()).expect("reader"), path));
    let before = texts();
    let writer = lab.writer();
    let report = writer.enforce_retention(&|| false).expect("enforce");
    assert_eq!((report.removed.len(), report.problems.len(), lab.n_buckets()), (2, 0, 0));
    let archived = lab.archived();
    assert_eq!(archived.len(), 2);
    archived.iter().for_each(|bucket| bucket.verify().expect("whole"));
    assert!(
        archived
            .iter()
            .all(|bucket| report.removed.iter().any(|removed| removed.archived.as_ref() == Some(&bucket.path)))
    );

    for bucket in &archived {
        writer.restore(bucket).expect("restore").expect("it was not there");
        assert_eq!(writer.restore(bucket).expect("restore").expect_err("once"), NotRestored::InStore);
    }
    assert_eq!((texts(), lab.n_buckets()), (before.clone(), 2));
    assert_eq!(lab.sources(), sources);
    assert!(writer.enforce_retention(&|| false).expect("enforce").removed.is_empty(), "restored is exempt");

    // Also after the catalog was made anew.
    drop(writer);
    fs::remove_file(lab.data().join("catalog.db")).expect("lose the catalog");
    assert_eq!(rebuild_catalog(&lab.data()).expect("rebuild"), 2);
    assert_eq!((texts(), lab.sources()), (before, sources.clone()));
    let writer = lab.writer();
    assert!(writer.enforce_retention(&|| false).expect("enforce").removed.is_empty(), "restored is exempt");
    let report = verify(&lab.data(), &Registry::builtin()).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);

    let ids: Vec<&str> = archived.iter().map(|bucket| bucket.meta.id.as_str()).collect();
    assert_eq!(writer.release(&ids).expect("release"), 2);
    assert_eq!(writer.release(&ids).expect("release"), 0);
    assert_eq!(writer.enforce_retention(&|| false).expect("enforce").removed.len(), 2);
    assert_eq!((lab.n_buckets(), lab.archived().len()), (0, 2));
    assert_eq!(lab.sources(), sources);
}

#[test]
fn a_bucket_whose_index_was_made_anew_is_not_restored_beside_it() {
    let lab = Lab::new();
    let writer = lab.writer();
    let row = Reader::open(&lab.data()).expect("reader").snapshot().expect("snapshot").buckets.remove(0);
    archive::store_bucket(&lab.data().join(&row.dir), &lab.archive()).expect("archive");
    writer.rebuild_index(&row, &Registry::builtin()).expect("rebuild");
    let archived = lab.archived().remove(0);
    assert_eq!(archived.meta.id, row.id);
    assert_eq!(writer.restore(&archived).expect("restore").expect_err("its events are there"), NotRestored::SameBytes);
    assert_eq!(lab.n_buckets(), 2);
}

#[test]
fn an_empty_store_takes_progress_along_and_another_store_does_not() {
    let lab = Lab::new();
    let sources = lab.sources();
    lab.writer().enforce_retention(&|| false).expect("enforce");
    let restore_into = |data: &Path| {
        let writer = Writer::open(data).expect("writer");
        for bucket in lab.archived() {
            writer.restore(&bucket).expect("restore").expect("it was not there");
        }
        drop(writer);
        let mut sources = Reader::open(data).expect("reader").sources().expect("sources");
        let generations = sources.iter_mut().flat_map(|source| &mut source.generations);
        generations.for_each(|generation| generation.aged_out = trawl_store::RangeSet::default());
        sources
    };
    let empty = lab.dir.path().join("empty");
    assert_eq!(restore_into(&empty), sources);

    let other = lab.dir.path().join("other");
    index(&other, &[("/x.log", &log("other", 40)), ("/y.log", &log("other", 40)), ("/z.log", &log("other", 40))]);
    let before = Reader::open(&other).expect("reader").sources().expect("sources");
    assert_eq!(restore_into(&other), before, "the ids belong to other files there");
    let reader = Reader::open(&other).expect("reader");
    assert_eq!((doc_freq(&reader, "alpha"), doc_freq(&reader, "other")), (200, 120));
}

#[test]
fn what_comes_back_pushes_nothing_out() {
    let lab = Lab::new();
    lab.writer().enforce_retention(&|| false).expect("enforce");
    index(&lab.data(), &[("/new.log", &log("new", 50))]);
    let writer = lab.writer();
    let (unlimited, absurd) = (Policy::default(), Some(MinFree::Bytes(u64::MAX / 2)));
    // It counts as free space that is taken: then it is refused.
    writer.set_retention(BTreeMap::from([(main_index(), Policy { min_free: absurd, ..unlimited })]));
    let archived = lab.archived();
    assert!(matches!(writer.restore(&archived[0]), Err(StoreError::NoRoom { .. })));
    assert_eq!(lab.n_buckets(), 1);
    // It does not count as size, neither while it comes nor after it.
    writer.set_retention(BTreeMap::from([(main_index(), Policy { max_size: Some(100_000), ..Policy::default() })]));
    for bucket in &archived {
        writer.restore(bucket).expect("restore").expect("it was not there");
    }
    assert!(writer.enforce_retention(&|| false).expect("enforce").removed.is_empty());
    assert_eq!(lab.n_buckets(), 3);
}

#[test]
fn nothing_goes_without_a_whole_copy() {
    let lab = Lab::new();
    fs::remove_dir(lab.archive()).expect("not mounted");
    let writer = lab.writer();
    let report = writer.enforce_retention(&|| false).expect("enforce");
    assert_eq!((report.removed.len(), report.problems.len(), lab.n_buckets()), (0, 2, 2));
    assert!(matches!(report.problems[0], StoreError::NoArchive { .. }));
    assert!(!lab.archive().exists(), "what may be a mount point is not created");

    // A damaged bucket stays, too; the other goes.
    fs::create_dir(lab.archive()).expect("mount");
    let row = Reader::open(&lab.data()).expect("reader").snapshot().expect("snapshot").buckets.remove(0);
    let journal = lab.data().join(&row.dir).join("journal");
    flip(&journal, 100);
    let report = writer.enforce_retention(&|| false).expect("enforce");
    assert_eq!((report.removed.len(), report.problems.len(), lab.n_buckets()), (1, 1, 1));
    assert!(matches!(report.problems[0], StoreError::Damaged { .. }));
    let names = fs::read_dir(lab.archive()).expect("list").count();
    assert_eq!(names, 1, "no half-written file is left");
}

#[test]
fn a_crash_after_the_file_was_written_costs_nothing() {
    let lab = Lab::new();
    let writer = lab.writer();
    for row in Reader::open(&lab.data()).expect("reader").snapshot().expect("snapshot").buckets {
        let path = archive::store_bucket(&lab.data().join(&row.dir), &lab.archive()).expect("archive");
        // Or before: then something half-written is there, under either name.
        let whole = fs::read(&path).expect("read");
        fs::write(&path, &whole[..whole.len() / 2]).expect("tear");
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        fs::write(lab.archive().join(format!(".{name}.partial")), b"torn").expect("write");
    }
    assert_eq!(writer.enforce_retention(&|| false).expect("enforce").removed.len(), 2);
    assert_eq!(fs::read_dir(lab.archive()).expect("list").count(), 2);
    lab.archived().iter().for_each(|bucket| bucket.verify().expect("whole"));
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("read");
    bytes[at] ^= 4;
    fs::write(path, bytes).expect("write");
}

#[test]
fn a_damaged_archive_is_refused_whatever_is_damaged() {
    let lab = Lab::new();
    let writer = lab.writer();
    writer.enforce_retention(&|| false).expect("enforce");
    let path = lab.archived().into_iter().find(|bucket| bucket.meta.n_events == 290).expect("archived").path;
    let whole = fs::read(&path).expect("read");
    let contents = || {
        let reader = Reader::open(&lab.data()).expect("reader");
        (doc_freq(&reader, "alpha"), raw_of(&reader, "/a.log"), raw_of(&reader, "/b.log"))
    };
    let expected = (200, log("alpha", 200).into_bytes(), log("beta", 90).into_bytes());
    let mut n_refused = 0;
    for at in (0..whole.len()).step_by(whole.len() / 90) {
        flip(&path, at);
        let (found, problems) = archive::list(&lab.archive()).expect("list");
        let damaged = found.iter().find(|bucket| bucket.path == path);
        assert_eq!(damaged.is_none(), !problems.is_empty());
        match damaged.map(|bucket| (bucket.verify(), writer.restore(bucket))) {
            // A byte of a tar header or of its padding, that says nothing about the bucket.
            Some((Ok(()), Ok(restored))) => {
                let restored = restored.expect("it was not there");
                assert_eq!(contents(), expected, "byte {at}");
                writer.release(&[&restored.meta.id]).expect("release");
                fs::write(&path, &whole).expect("mend");
                writer.enforce_retention(&|| false).expect("enforce");
            }
            Some((Err(_), Err(_))) | None => n_refused += 1,
            Some((verified, restored)) => panic!("byte {at}: {verified:?}, {restored:?}"),
        }
        fs::write(&path, &whole).expect("mend");
        assert_eq!(lab.n_buckets(), 0, "byte {at}");
    }
    assert!(n_refused > 40, "{n_refused}");
    for len in [0, 1, 511, 512, 1024, whole.len() / 2, whole.len() - 1600] {
        fs::write(&path, &whole[..len]).expect("tear");
        let (found, _) = archive::list(&lab.archive()).expect("list");
        for bucket in found.iter().filter(|bucket| bucket.path == path) {
            assert!(bucket.verify().is_err() && writer.restore(bucket).is_err(), "{len} bytes");
        }
    }
    assert_eq!(lab.n_buckets(), 0);
}

/// The entries of a tar: name, contents.
fn entries(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(File::open(path).expect("open"));
    let entries = archive.entries().expect("entries").map(|entry| {
        let mut entry = entry.expect("entry");
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect("read");
        (entry.path().expect("path").display().to_string(), bytes)
    });
    entries.collect()
}

/// Adds an entry with any name at all: the crate would refuse some.
fn add(tar: &mut Builder<File>, name: &str, kind: EntryType, bytes: &[u8], link: Option<&str>) {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(0o777);
    header.set_size(bytes.len() as u64);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    if let Some(link) = link {
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    }
    header.set_cksum();
    tar.append(&header, bytes).expect("append");
}

#[test]
fn a_hostile_archive_is_refused_and_touches_nothing() {
    let lab = Lab::new();
    let writer = lab.writer();
    writer.enforce_retention(&|| false).expect("enforce");
    let path = lab.archived().remove(0).path;
    let files = entries(&path);
    let victim = lab.dir.path().join("victim");
    fs::write(&victim, b"mine").expect("write");
    let victim_name = victim.to_str().expect("UTF-8").to_owned();
    type Hostile<'h> = (&'h str, Box<dyn Fn(&mut Builder<File>) + 'h>);
    let regular = |name: String| move |tar: &mut Builder<File>| add(tar, &name, EntryType::Regular, b"evil", None);
    let link = |kind: EntryType| {
        let to = victim_name.clone();
        move |tar: &mut Builder<File>| add(tar, "journal", kind, b"", Some(&to))
    };
    let hostile: Vec<Hostile<'_>> = vec![
        ("escape", Box::new(regular("../victim".to_owned()))),
        ("deep escape", Box::new(regular("journal/../../victim".to_owned()))),
        ("absolute", Box::new(regular(victim_name.clone()))),
        ("unknown name", Box::new(regular("authorized_keys".to_owned()))),
        ("twice", Box::new(regular("journal".to_owned()))),
        ("symlink", Box::new(link(EntryType::Symlink))),
        ("hard link", Box::new(link(EntryType::Link))),
        ("device", Box::new(link(EntryType::Char))),
        ("block device", Box::new(link(EntryType::Block))),
        ("pipe", Box::new(link(EntryType::Fifo))),
        ("folder", Box::new(|tar| add(tar, "journal", EntryType::Directory, b"", None))),
        ("not in the sums", Box::new(regular(format!("{}.idx", "0".repeat(32))))),
    ];
    for (what, append) in hostile {
        let bucket = ArchivedBucket::open(&path).expect("sound so far");
        let evil = lab.archive().join("evil.tar");
        let mut tar = Builder::new(File::create(&evil).expect("create"));
        for (name, bytes) in &files {
            // The link takes the place of the file.
            if what != "twice"
                && name == "journal"
                && ["symlink", "hard link", "device", "block device", "pipe", "folder"].contains(&what)
            {
                continue;
            }
            add(&mut tar, name, EntryType::Regular, bytes, None);
        }
        append(&mut tar);
        tar.finish().expect("finish");
        drop(tar);
        let refused = ArchivedBucket::open(&evil);
        assert!(matches!(refused, Err(StoreError::NotAnArchive { .. })), "{what}: {refused:?}");
        // Also if it was exchanged after it was looked at.
        let exchanged = ArchivedBucket { path: evil, ..bucket };
        assert!(exchanged.verify().is_err() && writer.restore(&exchanged).is_err(), "{what}");
        assert_eq!(fs::read(&victim).expect("read"), b"mine", "{what}");
        assert_eq!(lab.n_buckets(), 0, "{what}");
    }
    // An id that would lead out of the folder of buckets.
    let bucket = ArchivedBucket::open(&path).expect("sound");
    let evil = lab.archive().join("evil.tar");
    let unpacked = lab.dir.path().join("unpacked");
    fs::create_dir(&unpacked).expect("create");
    let mut names: Vec<String> = Vec::new();
    for (name, bytes) in &files {
        let text = String::from_utf8_lossy(bytes).replace(&bucket.meta.id, "../../../../victim");
        let bytes = if name == "bucket.json" { text.as_bytes() } else { bytes };
        fs::write(unpacked.join(name), bytes).expect("write");
        names.extend((name != "sums").then(|| name.clone()));
    }
    let sums = trawl_store::sums::compute(&unpacked, &names).expect("sums");
    fs::write(unpacked.join("sums"), sums).expect("write");
    let mut tar = Builder::new(File::create(&evil).expect("create"));
    for (name, _) in &files {
        add(&mut tar, name, EntryType::Regular, &fs::read(unpacked.join(name)).expect("read"), None);
    }
    tar.finish().expect("finish");
    drop(tar);
    assert!(matches!(ArchivedBucket::open(&evil), Err(StoreError::NotAnArchive { .. })));
}

/// The snapshot of an empty store that looks into the archive.
fn archived_rows(lab: &Lab) -> (Vec<BucketRow>, usize) {
    let reader = Reader::open(&lab.data()).expect("reader").with_archives(&[lab.archive()]).expect("archive");
    let snapshot = reader.snapshot().expect("snapshot");
    (snapshot.buckets, snapshot.unreadable.len())
}

#[test]
fn an_archive_is_looked_at_no_closer_than_needed_and_damage_is_never_missed() {
    let lab = Lab::new();
    lab.writer().enforce_retention(&|| false).expect("enforce");
    let archived = lab.archived();
    let (rows, _) = archived_rows(&lab);
    for (row, bucket) in rows.iter().zip(&archived) {
        // The name has whole seconds.
        let second = |time_us: i64| time_us.div_euclid(1_000_000);
        assert_eq!(
            (row.min_time_us, second(row.max_time_us)),
            (bucket.meta.min_time_us, second(bucket.meta.max_time_us))
        );
        assert_eq!((&row.id, row.n_events), (&bucket.meta.id, u64::from(bucket.meta.n_events)));
        assert!(bucket.meta.max_time_us <= row.max_time_us);
    }
    let path = &archived[0].path;
    let whole = fs::read(path).expect("read");

    // Cut off behind what it says of itself: it is known, and found out when it is searched.
    fs::write(path, &whole[..whole.len() * 2 / 3]).expect("write");
    let reader = Reader::open(&lab.data()).expect("reader").with_archives(&[lab.archive()]).expect("archive");
    let snapshot = reader.snapshot().expect("snapshot");
    assert_eq!((snapshot.buckets.len(), snapshot.unreadable.len()), (2, 0));
    let opened = snapshot.buckets.iter().map(|row| reader.bucket(row).is_ok()).collect::<Vec<_>>();
    assert_eq!(opened.iter().filter(|is_open| **is_open).count(), 1, "{opened:?}");

    // Each digit of what decides whether it is searched: its name says otherwise, and then the checksum does.
    let text = String::from_utf8_lossy(&whole).into_owned();
    for key in ["\"min_time_us\": ", "\"max_time_us\": ", "\"id\": \"", "\"index\": \"", "\"n_events\": "] {
        let at = text.find(key).expect("it says so") + key.len();
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(path, &damaged).expect("write");
        let reader = Reader::open(&lab.data()).expect("reader").with_archives(&[lab.archive()]).expect("archive");
        let snapshot = reader.snapshot().expect("snapshot");
        let n_closed = snapshot.buckets.iter().filter(|row| reader.bucket(row).is_err()).count();
        assert_eq!(snapshot.unreadable.len() + n_closed, 1, "{key}");
    }

    // Another name, and what says what it is not first in the file, as another tar would write it: it is looked at closely.
    fs::write(path, &whole).expect("write");
    let renamed = lab.archive().join("renamed.tar");
    fs::rename(path, &renamed).expect("rename");
    assert_eq!((archived_rows(&lab).0.len(), archived_rows(&lab).1), (2, 0));
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    let mut tar = tar::Archive::new(&whole[..]);
    for entry in tar.entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect("read");
        entries.push((name, bytes));
    }
    assert_eq!(entries[0].0, "bucket.json");
    entries.reverse();
    let mut tar = Builder::new(File::create(path).expect("create"));
    for (name, bytes) in &entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, &bytes[..]).expect("append");
    }
    tar.finish().expect("finish");
    fs::remove_file(&renamed).expect("remove");
    let (rows, n_unreadable) = archived_rows(&lab);
    assert_eq!((rows.len(), n_unreadable), (2, 0));
    let reader = Reader::open(&lab.data()).expect("reader").with_archives(&[lab.archive()]).expect("archive");
    assert!(rows.iter().all(|row| reader.bucket(row).is_ok()));
}
