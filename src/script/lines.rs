//! From bytes to lines and columns.

/// Where the lines of a text start.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Returns the line and the column of a byte, both from 1; a column is a character.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.line(at);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        (line, 1 + self.text.get(start..at).map_or(0, |before| before.chars().count()))
    }

    /// Returns the line of a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_a_carriage_return_is_none_of_the_next_line() {
        let text = "é x\r\ny 🦀z\nw";
        let lines = Lines::new(text);
        let place = |what: &str| lines.place(text.find(what).unwrap());
        assert_eq!((place("x"), place("y"), place("z"), place("w")), ((1, 3), (2, 1), (2, 4), (3, 1)));
        assert_eq!(lines.place(1), (1, 1), "inside a character");
        assert_eq!(lines.place(999), (3, 2));
        assert_eq!(Lines::new("").place(0), (1, 1));
    }
}
