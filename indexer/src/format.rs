//! The format of a content: asked for, or detected from its beginning.

use crate::error::IndexError;
use crate::options::Options;
use std::path::Path;
use std::sync::Arc;
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_formats::text::Decoding;

/// Bytes from which a format is detected.
pub(crate) const DETECT_LEN: usize = 64 << 10;

/// What a content is written in.
#[derive(Clone)]
pub(crate) struct Format {
    pub(crate) rules: Arc<Rules>,
    pub(crate) decoding: Decoding,
}

/// The rules of the sourcetype that was asked for, if one was.
///
/// # Errors
/// If it does not exist.
pub(crate) fn forced_rules(registry: &Registry, options: &Options) -> Result<Option<Arc<Rules>>, IndexError> {
    let forced = options
        .sourcetype
        .as_ref()
        .map(|name| registry.get(name.as_str()).ok_or_else(|| IndexError::UnknownSourcetype { name: name.clone() }));
    forced.transpose()
}

/// The format of a content that begins with `head`; `None` if it is not text.
pub(crate) fn detect_format(
    registry: &Registry,
    forced: Option<&Arc<Rules>>,
    head: &[u8],
    path: &Path,
) -> Option<Format> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let detection = registry.detect(head, &name);
    if detection.is_binary {
        return None;
    }
    Some(match forced {
        Some(rules) => {
            let decoding = Decoding { wrapper: rules.wrapper(), ..detection.decoding };
            Format { rules: Arc::clone(rules), decoding }
        }
        None => Format { rules: detection.rules, decoding: detection.decoding },
    })
}
