//! Log: nothing leaves; the record of the delivery in the index `_audit` is what it is for.

use super::{Attempt, Channel, DeliveryError, Receipt};
use crate::notification::{Happening, Notification};
use crate::text;
use serde_json::json;

/// Most characters of the title that are recorded.
const MAX_CHARS: usize = 1024;

/// The channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Channel for Log {
    fn kind(&self) -> &'static str {
        "log"
    }

    fn is_for(&self, _happening: Happening) -> bool {
        true
    }

    fn deliver(&self, notification: &Notification, _attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::new([
            ("title", json!(text::clip(&notification.title(), MAX_CHARS))),
            ("reason", json!(notification.reason)),
            ("runbook", json!(notification.runbook)),
        ]))
    }
}
