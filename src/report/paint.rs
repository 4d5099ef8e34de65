//! Colour and weight, where they are wanted.

/// Paints pieces of text with ANSI escapes, or leaves them plain.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    color: bool,
}

impl Paint {
    /// Makes one that paints if `color` says so.
    #[must_use]
    pub fn new(color: bool) -> Self {
        Self { color }
    }

    /// Makes one that leaves every text as it is.
    #[must_use]
    pub fn plain() -> Self {
        Self::new(false)
    }

    /// Returns the text in bold.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Returns the text faint.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Returns the text in bold red.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Returns the text in green.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Returns the text in bold yellow.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
