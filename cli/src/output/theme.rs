//! Colours.

use anstyle::{AnsiColor, Style};

/// The styles of everything that can be coloured. A style prints as the escape sequence that begins it (`{}`) or ends
/// it (`{:#}`); the styles of the plain theme print as nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Theme {
    /// Column titles and field names.
    pub title: Style,
    /// What a search term matched.
    pub matched: Style,
    /// Escapes that stand for hostile characters, and marks that something was cut.
    pub escape: Style,
    /// Events that are shown as context only, and rules between groups.
    pub faint: Style,
    /// `error:`
    pub error: Style,
    /// `warning:`
    pub warning: Style,
    /// `hint:` and what can be typed next.
    pub hint: Style,
    is_colored: bool,
}

impl Theme {
    /// No colours.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Colours that are readable on dark and on light grounds.
    pub fn colored() -> Self {
        Self {
            title: Style::new().bold(),
            matched: AnsiColor::Magenta.on_default().bold(),
            escape: AnsiColor::Cyan.on_default().invert(),
            faint: Style::new().dimmed(),
            error: AnsiColor::Red.on_default().bold(),
            warning: AnsiColor::Yellow.on_default().bold(),
            hint: AnsiColor::Cyan.on_default(),
            is_colored: true,
        }
    }

    /// Colours if they are wanted.
    pub fn new(is_colored: bool) -> Self {
        if is_colored { Self::colored() } else { Self::plain() }
    }

    /// Whether there are colours.
    pub fn is_colored(&self) -> bool {
        self.is_colored
    }
}
