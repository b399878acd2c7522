//! What a change has to do with what fails: the names that both mention. Pure.
//!
//! Names are words of a line without case and punctuation, whole and in their parts: `payment-service`, `PaymentService` and
//! the file `payment-service.log` all have `paymentservice`, `payment` and `service`. A name counts by the share of the errors
//! that have it, and less the more kinds of changes mention it: what every deployment says tells nothing of this one.

use super::super::event::{Event, head};
use hashbrown::{HashMap, HashSet};

/// How much of a text is looked at, in bytes: the message and the first frames.
const MAX_LOOKED_AT: usize = 3072;
/// Lengths of names, in letters and digits.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=40;
/// How much a name that all errors have, and no other change, closes of what is open.
const FULL_WEIGHT: f64 = 0.45;
/// Most names that are reported.
const MAX_SHARED: usize = 5;
/// Words that log lines have whatever they are about.
const EMPTY_WORDS: [&str; 36] = [
    "info",
    "warn",
    "warning",
    "error",
    "debug",
    "trace",
    "fatal",
    "severe",
    "level",
    "logger",
    "thread",
    "main",
    "message",
    "time",
    "timestamp",
    "java",
    "lang",
    "http",
    "https",
    "null",
    "true",
    "false",
    "from",
    "with",
    "this",
    "that",
    "have",
    "been",
    "host",
    "user",
    "exception",
    "failed",
    "failure",
    "stack",
    "source",
    "result",
];

/// The names in a text.
pub(super) fn names(text: &str) -> HashSet<String> {
    let text = head(text, MAX_LOOKED_AT);
    let mut names = HashSet::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    for word in text.split(|c: char| !is_word(c)) {
        add(&mut names, word);
        for part in word.split(['-', '_']) {
            add(&mut names, part);
            humps(part).for_each(|hump| add(&mut names, hump));
        }
    }
    names
}

fn add(names: &mut HashSet<String>, word: &str) {
    let name: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let n_digits = name.bytes().filter(u8::is_ascii_digit).count();
    let n_chars = name.chars().count();
    // Numbers and ids name one thing, once.
    if LENGTHS.contains(&n_chars) && n_digits < 4 && n_digits * 2 < n_chars && !EMPTY_WORDS.contains(&name.as_str()) {
        names.insert(name);
    }
}

/// `Payment` and `Service` of `PaymentService`.
fn humps(word: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = vec![0];
    let mut was_lower = false;
    for (at, c) in word.char_indices() {
        if c.is_uppercase() && was_lower {
            starts.push(at);
        }
        was_lower = c.is_lowercase();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([word.len()]).collect();
    starts.into_iter().zip(ends).map(move |(start, end)| &word[start..end])
}

/// What fails: the names in a sample of errors, each with the share of the errors that have it.
#[derive(Clone, Debug, Default)]
pub(super) struct Failing {
    shares: HashMap<String, f64>,
}

impl Failing {
    /// The names in `errors`, those of their sources and machines among them.
    pub fn of(errors: &[Event]) -> Self {
        let mut shares: HashMap<String, f64> = HashMap::new();
        let share = 1.0 / errors.len().max(1) as f64;
        for error in errors {
            for name in names_of(error) {
                *shares.entry(name).or_default() += share;
            }
        }
        Self { shares }
    }

    /// How much `names` have to do with what fails, between 0 and 1, and the names that say so, the weightiest first.
    /// `specific` is how special a name is among changes, between 0 and 1.
    pub fn relation(&self, names: &HashSet<String>, specific: impl Fn(&str) -> f64) -> (f64, Vec<String>) {
        let mut shared: Vec<(f64, &String)> = names
            .iter()
            .filter_map(|name| {
                let weight = self.shares.get(name)? * specific(name);
                (weight > 0.01).then_some((weight, name))
            })
            .collect();
        shared.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        // Parts of a name that counts already add little: the five weightiest are enough.
        shared.truncate(MAX_SHARED);
        let open = shared.iter().fold(1.0, |open, (weight, _)| open * (1.0 - FULL_WEIGHT * weight.min(1.0)));
        (1.0 - open, shared.into_iter().map(|(_, name)| name.clone()).collect())
    }
}

/// The names in an event, in the name of its source, and its machine.
pub(super) fn names_of(event: &Event) -> HashSet<String> {
    let mut all = names(&event.text);
    all.extend(names_of_place(&event.source, &event.host));
    all
}

/// The names in the file name of a source, and its machine.
pub(super) fn names_of_place(source: &str, host: &str) -> HashSet<String> {
    let file = source.rsplit(['/', '\\']).next().unwrap_or(source);
    let stem = file.split('.').next().unwrap_or(file);
    let mut all = names(stem);
    all.extend(names(host));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        let set = |text: &str| {
            let mut names: Vec<String> = names(text).into_iter().collect();
            names.sort_unstable();
            names
        };
        let service = ["payment", "paymentservice", "service"];
        for text in ["PaymentService", "payment-service", "PAYMENT_SERVICE", "http://payment-service:8080/"] {
            assert_eq!(set(text), service, "{text}");
        }
        assert_eq!(
            set("spring.datasource.hikari.maximum-pool-size: 200 -> 20"),
            ["datasource", "hikari", "maximum", "maximumpoolsize", "pool", "size", "spring"]
        );
        assert_eq!(set("orderId=ORD-41000123 14:02:15 INFO failed"), ["order", "orderid"]);
    }

    #[test]
    fn shared_names_relate_and_common_ones_do_not() {
        let error = |text: &str| Event {
            time: crate::rca::Moment(0),
            index: "main".to_owned(),
            source: "/logs/payment-service.log".to_owned(),
            sourcetype: "log4j".to_owned(),
            host: "payprd01".to_owned(),
            level: None,
            is_error: true,
            text: text.to_owned(),
            addr: String::new(),
        };
        let failing = Failing::of(&[error("cannot connect at com.zaxxer.hikari.Pool"), error("cannot connect")]);
        let near = names("deployer service=payment-service hikari.maximum-pool-size 20");
        let far = names("deployer service=order-service rolling-restart");
        let (relation, shared) = failing.relation(&near, |_| 1.0);
        assert!(relation > 0.7, "{relation}");
        assert!(shared.contains(&"paymentservice".to_owned()) && shared.contains(&"hikari".to_owned()), "{shared:?}");
        let specific = |name: &str| if name == "service" { 0.0 } else { 1.0 };
        assert_eq!(failing.relation(&far, specific), (0.0, vec![]));
        assert_eq!(Failing::of(&[]).relation(&near, |_| 1.0).0, 0.0);
    }

    proptest! {
        #[test]
        fn any_text_has_names(text in "\\PC{0,120}") {
            let names = names(&text);
            prop_assert!(names.iter().all(|name| LENGTHS.contains(&name.chars().count())));
        }
    }
}
