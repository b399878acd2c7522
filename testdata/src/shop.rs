//! The shop corpus, embedded so that an installed binary can show itself without the source tree.

/// Searches that tell the story of the shop's outage, in the order a support engineer would run them.
///
/// They hold for files indexed under the host that is the first folder of their path.
pub const SHOP_SEARCHES: &[&str] = &[
    "ERROR PaymentService",
    r#""failed to connect to DB" | stats count by host"#,
    "sourcetype=access_combined status>=500 | timechart span=5m count by host",
    "sourcetype=access_combined | top limit=5 status",
    "sourcetype=autosys_event_demon FAILURE",
    "CHG0048213",
];

/// Returns each file of the corpus `shop`: its path (`<host>/<file name>`) and its bytes.
pub fn shop() -> &'static [(&'static str, &'static [u8])] {
    macro_rules! files {
        ($($path:literal),* $(,)?) => {
            &[$(($path, include_bytes!(concat!("../corpora/shop/", $path)))),*]
        };
    }
    files![
        "batch-01/event_demon.PRD.log",
        "db-01/postgresql.log",
        "db-01/syslog",
        "order-01/order-service.json",
        "pay-01/payment-service.log",
        "pay-02/payment-service.log",
        "web-01/access.log",
        "web-01/error.log",
        "web-02/access.log",
        "web-02/error.log",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    #[test]
    fn every_file_is_embedded() {
        let embedded: Vec<_> = shop().iter().map(|&(path, _)| path).collect();
        let listed: Vec<_> = corpus("shop").files().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(embedded, listed);
    }

    #[test]
    fn the_first_folder_is_the_host() {
        for file in corpus("shop").files() {
            assert_eq!(file.path.split('/').next(), Some(file.host.as_str()));
        }
    }
}
