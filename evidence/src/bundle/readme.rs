//! `README.md` of a bundle: what it is, and how to check it without trawl.

use super::manifest::Manifest;
use crate::report::counted;
use crate::report::prose::escape_markdown;

/// The text for a bundle; `is_signed` tells whether a signature will stand beside the sums, which are made later.
pub fn text(manifest: &Manifest, is_signed: bool) -> String {
    let n_cited = manifest.citations.iter().map(|cited| cited.record).collect::<std::collections::BTreeSet<_>>().len();
    let title = escape_markdown(&manifest.title);
    let mut text = format!(
        "# Evidence: {title}\n\n\
         Made {made} (times are read in {zone}) by trawl {version}, index format {index_format}. It holds {n_cited} cited log \
         events and their context, {records} in all, byte for byte as they stood in {sources}, the \
         queries that found them, and what those queries covered.\n\n",
        made = manifest.made,
        zone = escape_markdown(&manifest.zone),
        version = escape_markdown(&manifest.trawl_version),
        index_format = manifest.index_format,
        records = counted(manifest.n_records as usize, "event"),
        sources = counted(manifest.sources.len(), "log file"),
    );
    text.push_str(
        "| file | holds |\n| --- | --- |\n\
         | `manifest.json` | what the bundle is about: files the events came from, queries and their coverage, tables, notes |\n\
         | `events.jsonl` | a line for each event: file, byte offset, length, SHA-256, and where its bytes are in `data/` |\n\
         | `data/` | the bytes of the events; each file is one unbroken stretch of a log |\n\
         | `files/` | other files of the case |\n\
         | `MERKLE-ROOT` | one number that pins down all of it |\n\
         | `SHA256SUMS` | the SHA-256 of every file |\n",
    );
    if is_signed {
        text.push_str("| `SHA256SUMS.minisig` | who vouches for it |\n");
    }
    text.push_str(
        "\n## How to check it\n\n\
         With trawl: `trawl rca verify BUNDLE`, and `--against FILE...` where the logs still exist. Without it:\n\n\
         ```sh\n\
         tar --zstd -xf BUNDLE          # or: zstd -dc BUNDLE | tar -xf -\n\
         sha256sum -c --strict SHA256SUMS\n",
    );
    if is_signed {
        text.push_str(
            "minisign -Vm SHA256SUMS -p KEY.pub   # KEY.pub is the public key, which you got by another way\n",
        );
    }
    text.push_str(
        "```\n\n\
         An event, say the one with `\"file\":\"data/00001.log\",\"at\":120,\"len\":80`, and the same bytes of the log itself at \
         its `offset`, decompressed if it is compressed:\n\n\
         ```sh\n\
         tail -c +121 data/00001.log | head -c 80 | sha256sum\n\
         tail -c +$((OFFSET + 1)) THE.log | head -c 80 | sha256sum\n\
         ```\n\n\
         The root in `MERKLE-ROOT` is that of RFC 6962 over SHA-256: the first leaf is `manifest.json`, then comes each line of \
         `events.jsonl` without its line feed. Order, omissions and additions change it. Without a signature, whoever made the \
         bundle could make another one: compare the root with the one that was noted at the time, in a ticket for example.\n\n\
         ```python\n\
         import hashlib\n\
         H = lambda data: hashlib.sha256(data).digest()\n\
         def root(leaves):\n\
         \x20   if len(leaves) == 1: return H(b\"\\0\" + leaves[0])\n\
         \x20   k = 1 << (len(leaves) - 1).bit_length() - 1\n\
         \x20   return H(b\"\\1\" + root(leaves[:k]) + root(leaves[k:]))\n\
         leaves = [open(\"manifest.json\", \"rb\").read()] + open(\"events.jsonl\", \"rb\").read().split(b\"\\n\")[:-1]\n\
         print(root(leaves).hex())\n\
         ```\n",
    );
    if manifest.n_masked > 0 {
        text.push_str(&format!(
            "\n## What is masked\n\n\
             {} masked before the bundle was made: in `data/` and `files/` by `*`s, listed under `masks`; in texts by \
             `[masked COMMITMENT]`. A commitment is the SHA-256 of the 13 bytes `trawl-mask/1` and NUL, a salt of 32 bytes, and what \
             is masked. Whoever holds the reveal file can open them: `trawl rca verify BUNDLE --reveal FILE`. Each entry of that \
             file opens one part for itself.\n",
            if manifest.n_masked == 1 { "1 part was".to_owned() } else { format!("{} parts were", manifest.n_masked) }
        ));
    }
    text
}
