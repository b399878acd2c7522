//! Actions: channels through which notifications leave, one file each.
//!
//! A [`Channel`] brings one [`Notification`] to one place and says how that went. It knows nothing of queues, retries and
//! the order of deliveries: that is the [deliverer's](crate::deliver) work. A repeated delivery must be recognisable for
//! whoever receives it: see [`Attempt::key`].

pub mod alertmanager;
pub mod command;
pub mod email;
mod facts;
pub mod http;
pub mod log;
mod mail_body;
pub mod pagerduty;
pub mod servicenow;
pub mod slack;
pub mod webhook;

pub use facts::{facts, sample};

use crate::notification::{Happening, Notification};
use crate::secret::SecretError;
use crate::template::BadTemplate;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;

/// A way out for notifications.
pub trait Channel: Send + Sync {
    /// Its type, as the configuration calls it.
    fn kind(&self) -> &'static str;

    /// Brings a notification to where it belongs. It may be called from several threads, and takes no longer than it was
    /// told to wait.
    ///
    /// # Errors
    /// Why it is not there, and whether to try again.
    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError>;

    /// Whether it is to be told of this, if its policy does not say so. That somebody knows of it already is for those who keep
    /// a state of it.
    fn is_for(&self, happening: Happening) -> bool {
        happening != Happening::Acknowledged
    }

    /// Whether a delivery must not be repeated, not even if nobody knows whether it happened.
    fn is_at_most_once(&self) -> bool {
        false
    }

    /// How often it must be told again of what still fires, if it forgets.
    fn resend(&self) -> Option<Duration> {
        None
    }
}

/// The circumstances of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Name of the action.
    pub action: &'a str,
    /// The same for each attempt to bring this transition through this action, and for nothing else.
    pub key: &'a str,
    /// The moment, microseconds UTC.
    pub now_us: i64,
    /// How many attempts there were before.
    pub n_before: u32,
}

/// What the other side said of a delivery, for the record: `status`, the number of a ticket, …
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt(pub Map<String, Value>);

impl Receipt {
    /// A receipt of these facts. Those that are null are left out.
    pub fn new(facts: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let known = facts.into_iter().filter(|(_, value)| !value.is_null());
        Self(known.map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Why a notification did not arrive. Texts are for people and hold no secrets.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// It may work later.
    #[error("{what}")]
    Temporary {
        /// What went wrong.
        what: String,
        /// Not earlier than after this time, says the other side.
        retry_after: Option<Duration>,
    },
    /// It will not work as it is.
    #[error("{what}")]
    Permanent {
        /// What went wrong.
        what: String,
        /// What is known of it, for the record.
        receipt: Receipt,
    },
    /// Nobody knows whether it worked.
    #[error("{what}")]
    Unknown {
        /// What is known.
        what: String,
    },
}

impl DeliveryError {
    /// One that may work later.
    pub fn temporary(what: impl Into<String>) -> Self {
        Self::Temporary { what: what.into(), retry_after: None }
    }

    /// One that will not work.
    pub fn permanent(what: impl Into<String>) -> Self {
        Self::Permanent { what: what.into(), receipt: Receipt::default() }
    }
}

/// A secret that is not there now may be there soon: somebody is changing the file.
impl From<SecretError> for DeliveryError {
    fn from(error: SecretError) -> Self {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        Self::temporary(format!("{error}{cause}"))
    }
}

impl From<BadTemplate> for DeliveryError {
    fn from(error: BadTemplate) -> Self {
        Self::permanent(error.to_string())
    }
}

/// An action that makes no sense, though each of its settings does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadAction {
    /// Not an address of the web.
    #[error("`{shown}` is not an address such as `https://host/path`")]
    Url {
        /// The address, without what is secret of it.
        shown: String,
    },
    /// Not a method of HTTP that sends something.
    #[error("`{0}` is not a method: write `POST`, `PUT` or `PATCH`")]
    Method(String),
    /// Not the name or value of a header.
    #[error("`{0}` cannot be a header")]
    Header(String),
    /// Certificates cannot be read.
    #[error("cannot read the certificates in {}", .path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There are none in it.
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// A template.
    #[error(transparent)]
    Template(#[from] BadTemplate),
    /// Not an address of e-mail.
    #[error("`{0}` is not an e-mail address")]
    Mailbox(String),
    /// Nobody gets it.
    #[error("there is nobody to send it to")]
    NoRecipient,
    /// A password would be sent for everyone to read.
    #[error("the password would be sent unencrypted: write `tls = \"starttls\"` or `tls = \"tls\"`")]
    PlainPassword,
    /// A program that is not in the list.
    #[error("`{}` is not in `allow_commands`", .0.display())]
    NotAllowed(PathBuf),
    /// A program without a full path.
    #[error("`{}` is not an absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// No program.
    #[error("there is no program to run")]
    NoProgram,
}
