//! What people write about a case: one Markdown file for each section.

/// A section that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What happened.
    Summary,
    /// Whom it hurt.
    Impact,
    /// Why it happened.
    Cause,
    /// What is to be done.
    Actions,
}

/// What people have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Nothing yet.
    Empty,
    /// Markdown.
    Text(String),
}

impl Section {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 4] = [Self::Summary, Self::Impact, Self::Cause, Self::Actions];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Summary => "Summary",
            Self::Impact => "Impact",
            Self::Cause => "Cause",
            Self::Actions => "Actions",
        }
    }

    /// Name of its file in the folder of the case.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Summary => "summary.md",
            Self::Impact => "impact.md",
            Self::Cause => "cause.md",
            Self::Actions => "actions.md",
        }
    }

    /// What belongs there.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Summary => {
                "two or three sentences for somebody who was not there: what failed, from when to when, why, and how it was mended"
            }
            Self::Impact => {
                "who could not do what, and for how long: customers, orders, money, data; what was measured and what is estimated"
            }
            Self::Cause => {
                "the chain from the change or fault to the outage, each link with the exhibit that shows it; and why it was not \
                 noticed or contained earlier"
            }
            Self::Actions => "a list: what is done, by whom, until when, and how it will be seen that it helps",
        }
    }

    /// The file as it is before anybody writes.
    pub fn template(self) -> String {
        format!("<!-- {}: {}. Comments like this one are left out of the report. -->\n", self.title(), self.hint())
    }
}

impl Written {
    /// What a file says: its text without comments.
    pub fn of(file: &str) -> Self {
        let mut text = String::new();
        let mut rest = file;
        while let Some((before, comment)) = rest.split_once("<!--") {
            text.push_str(before);
            // A comment without an end goes on to the end of the file.
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        let text = text.trim();
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_empty_until_somebody_writes() {
        for section in Section::ALL {
            let template = section.template();
            assert_eq!(Written::of(&template), Written::Empty);
            assert_eq!(Written::of(&(template + "\nIt **broke**.\n")), Written::Text("It **broke**.".to_owned()));
        }
        assert_eq!(Written::of("a <!-- b --> c <!-- d"), Written::Text("a  c".to_owned()));
        assert_eq!(Written::of(""), Written::Empty);
    }
}
