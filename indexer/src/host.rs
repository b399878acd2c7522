//! The name of this machine.

use trawl_formats::event::Host;

/// The name of this machine up to its first dot; `localhost` if it has none.
pub fn local_host() -> Host {
    // POSIX allows 255 bytes; the last byte stays 0.
    let mut name = [0_u8; 256];
    // SAFETY: the buffer is writable for the length given, one less than it has.
    let outcome = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let len = name.iter().position(|&byte| byte == 0 || byte == b'.').unwrap_or(0);
    match std::str::from_utf8(&name[..len]) {
        Ok(name) if outcome == 0 && !name.is_empty() => Host::from(name),
        _ => Host::from("localhost"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_a_word() {
        let host = super::local_host();
        assert!(!host.as_str().is_empty() && !host.as_str().contains(['.', ' ', '\0']), "{host}");
    }
}
