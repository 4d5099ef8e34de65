//! The rows of an import's CSV file, one at a time, each with its line.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

use super::export::HEADER;
use super::site::shown;

/// How long one row may be, in bytes. A quote that is never closed makes the rest of the file one row.
const LONGEST_ROW: usize = 1 << 20;

/// Where the reader must stop: a row of its own at the end of the file, or else a quote is still open.
const END: &[u8] = b"\n\0\n";

/// A row that can be looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) account: String,
    pub(super) reason: String,
    pub(super) requested_by: Option<String>,
}

/// Where each column is.
#[derive(Debug)]
struct Columns {
    account: usize,
    reason: usize,
    requested_by: Option<usize>,
    source: Option<usize>,
    count: usize,
}

/// The rows of a file.
pub(super) struct Rows<R> {
    csv: csv::Reader<Capped<io::Chain<R, &'static [u8]>>>,
    since: Arc<AtomicUsize>,
    record: csv::ByteRecord,
    columns: Columns,
}

/// What comes next: a row, or the line of a bad one and why.
pub(super) type Next = Result<Row, (u64, String)>;

impl<R: Read> Rows<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the file can't be read, or has another header.
    pub(super) fn new(input: R) -> Result<Self> {
        let since = Arc::new(AtomicUsize::new(0));
        let capped = Capped { inner: input.chain(END), since: Arc::clone(&since) };
        let csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // a carriage return before it is cut off below; the reader counts lines by this byte
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(capped);
        let columns = Columns { account: 0, reason: 0, requested_by: None, source: None, count: 0 };
        let mut rows = Self { csv, since, record: csv::ByteRecord::new(), columns };
        let header = rows.read()?.map(|line| (line, rows.text()));
        rows.columns = match header {
            Some((_, Some(names))) => Columns::find(&names)?,
            Some((line, None)) => return Err(header_error(&format!("line {line} is not UTF-8"))),
            None => return Err(header_error("the file is empty")),
        };
        Ok(rows)
    }

    /// Returns the next row, or `None` at the end.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the file can't be read on.
    pub(super) fn next(&mut self) -> Result<Option<Next>> {
        let Some(line) = self.read()? else { return Ok(None) };
        let Some(fields) = self.text() else { return Ok(Some(Err((line, "not UTF-8".to_owned())))) };
        Ok(Some(self.columns.row(line, &fields).map_err(|why| (line, why))))
    }

    /// Reads the next record that isn't blank, and returns the line it begins on; `None` at the end.
    fn read(&mut self) -> Result<Option<u64>> {
        loop {
            self.since.store(0, Ordering::Relaxed);
            let more = self.csv.read_byte_record(&mut self.record).map_err(|error| {
                let source = match error.into_kind() {
                    csv::ErrorKind::Io(error) => error.to_string(),
                    other => format!("{other:?}"),
                };
                Error::usage(format!("can't read the file beyond line {}", self.csv.position().line())).with_source(source)
            })?;
            if !more || (self.record.len() == 1 && &self.record[0] == b"\0") {
                return Ok(None);
            }
            // The reader stands behind the row's end; where the row begins follows from the line ends inside of it.
            let inside: usize = self.record.iter().flatten().filter(|byte| **byte == b'\n').count();
            let line = self.csv.position().line().saturating_sub(1 + inside as u64);
            if self.record.iter().next_back().is_some_and(|last| last.ends_with(END) || last.ends_with(b"\n\0")) {
                return Err(Error::usage(format!("line {line}: a quote is opened and never closed"))
                    .with_hint("close it; a quote inside of a quoted field is written twice"));
            }
            let blank = self.record.len() == 1 && matches!(&self.record[0], b"" | b"\r");
            if !blank {
                return Ok(Some(line));
            }
        }
    }

    /// Returns the record's fields, if they are UTF-8.
    fn text(&self) -> Option<Vec<String>> {
        let mut fields: Vec<_> =
            self.record.iter().map(|field| std::str::from_utf8(field).ok().map(str::to_owned)).collect::<Option<_>>()?;
        if let Some(cut) = fields.last().and_then(|last: &String| last.strip_suffix('\r')).map(str::to_owned) {
            fields.pop();
            fields.push(cut);
        }
        Some(fields)
    }
}

impl Columns {
    fn find(names: &[String]) -> Result<Self> {
        let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
        let place = |wanted: &str| names.iter().position(|name| *name == wanted);
        for (at, name) in names.iter().enumerate() {
            // Whatever else stands there may be data of a file without a header: it is not repeated.
            if !HEADER.contains(name) {
                return Err(header_error(&format!("the name of column {} is not known", at + 1)));
            }
            if names[..at].contains(name) {
                return Err(header_error(&format!("the column {name} is there twice")));
            }
        }
        match (place("account"), place("reason")) {
            (Some(account), Some(reason)) => {
                Ok(Self { account, reason, requested_by: place("requested_by"), source: place("source"), count: names.len() })
            }
            (None, _) => Err(header_error("there is no column account")),
            (_, None) => Err(header_error("there is no column reason")),
        }
    }

    fn row(&self, line: u64, fields: &[String]) -> Result<Row, String> {
        if fields.len() != self.count {
            return Err(format!("{} fields where the header has {}", fields.len(), self.count));
        }
        let (account, reason) = (&fields[self.account], &fields[self.reason]);
        let requested_by = self.requested_by.map(|at| fields[at].as_str()).filter(|text| !text.trim().is_empty());
        if account.trim().is_empty() {
            return Err("no account".to_owned());
        }
        if [account, reason].into_iter().map(String::as_str).chain(requested_by).any(|text| text.contains('\0')) {
            return Err("a NUL character, which the database can't store".to_owned());
        }
        if reason.trim().is_empty() {
            return Err(format!("no reason for account {}", shown(account)));
        }
        if self.source.is_some_and(|at| fields[at] != "opt_out") {
            return Err(format!("account {} has another source than opt_out", shown(account)));
        }
        Ok(Row { line, account: account.clone(), reason: reason.clone(), requested_by: requested_by.map(str::to_owned) })
    }
}

fn header_error(why: &str) -> Error {
    Error::usage(format!("the file doesn't begin with the header of an import: {why}"))
        .with_hint("the first line is account,reason or account,reason,requested_by; the columns of an export are known as well")
}

/// A reader that gives up when too much was read since the last row.
struct Capped<R> {
    inner: R,
    since: Arc<AtomicUsize>,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.load(Ordering::Relaxed) > LONGEST_ROW {
            return Err(io::Error::other(format!("a row is longer than {LONGEST_ROW} bytes: is a quote not closed?")));
        }
        let read = self.inner.read(buffer)?;
        self.since.fetch_add(read, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<Next> {
        let mut rows = Rows::new(text.as_bytes()).unwrap();
        std::iter::from_fn(|| rows.next().unwrap()).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "compared with what the reader returns")]
    fn row(line: u64, account: &str, reason: &str, requested_by: Option<&str>) -> Next {
        Ok(Row { line, account: account.into(), reason: reason.into(), requested_by: requested_by.map(str::to_owned) })
    }

    #[test]
    fn each_row_knows_its_line_whatever_ends_it() {
        let expected = [row(2, "1", "why", None), row(4, "2", "two\nlines, \"quoted\"", Some("me")), row(6, "3", "last", None)];
        let text = "account,reason,requested_by\n1,why,\n\n2,\"two\nlines, \"\"quoted\"\"\",me\n3,last,";
        assert_eq!(all(text), expected);
        assert_eq!(all(&format!("\u{feff}{text}\n")), expected);
        let windows = format!("\u{feff}{}\r\n", text.replace('\n', "\r\n"));
        let expected = [row(2, "1", "why", None), row(4, "2", "two\r\nlines, \"quoted\"", Some("me")), row(6, "3", "last", None)];
        assert_eq!(all(&windows), expected);
        assert_eq!(all("account,reason\r\n1,\"why\"\r\n"), [row(2, "1", "why", None)]);
    }

    #[test]
    fn a_bad_row_is_told_with_its_line() {
        let text = "account,reason\n1,a,b\n2\n,c\n3, \n4,x\0y\n5,fine\n";
        let told: Vec<_> =
            all(text).into_iter().map(|next| next.map_or_else(|(line, why)| format!("{line}: {why}"), |_| "ok".into())).collect();
        assert_eq!(
            told,
            [
                "2: 3 fields where the header has 2",
                "3: 1 fields where the header has 2",
                "4: no account",
                "5: no reason for account '3'",
                "6: a NUL character, which the database can't store",
                "ok",
            ]
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_swallows_no_row() {
        for text in ["account,reason\n1,\"open\n2,other\n", "account,reason\n1,\"open", "account,reason\n1,why\n\"2,x\n"] {
            let mut rows = Rows::new(text.as_bytes()).unwrap();
            let error = loop {
                match rows.next() {
                    Ok(next) => assert!(next.is_some(), "{text}"),
                    Err(error) => break error,
                }
            };
            assert!(error.to_string().ends_with("a quote is opened and never closed"), "{error}");
        }
        let long = format!("account,reason\n1,\"{}\n", "open, and long\n".repeat(LONGEST_ROW / 10));
        assert!(Rows::new(long.as_bytes()).unwrap().next().is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_written_as_csv_is_read_as_it_was(
            written in proptest::collection::vec(("[^\0]{0,3}[^\0\\s][^\0]{0,3}", "[^\0]{0,3}[^\0\\s][^\0]{0,3}"), 0..5)
        ) {
            // a carriage return at the end of a row is taken for its line's
            let written: Vec<_> = written.into_iter().map(|(account, reason)| (account, reason.trim_end_matches('\r').to_owned())).collect();
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(["account", "reason"]).unwrap();
            for (account, reason) in &written {
                csv.write_record([account, reason]).unwrap();
            }
            let text = String::from_utf8(csv.into_inner().unwrap()).unwrap();
            let read: Vec<_> = all(&text).into_iter().map(|next| next.map(|row| (row.account, row.reason))).collect();
            prop_assert_eq!(read, written.into_iter().map(Ok).collect::<Vec<_>>());
        }

        #[test]
        fn whatever_a_file_holds_its_rows_are_told_in_the_order_of_its_lines(
            parts in proptest::collection::vec(proptest::sample::select(&["1", ",", "\"", "\"\"", "\n", "\r\n", "\r", "\0", " ", "é", "\u{feff}", "why"][..]), 0..40)
        ) {
            let text = format!("account,reason\n{}", parts.concat());
            let mut rows = Rows::new(text.as_bytes()).unwrap();
            let mut last = 1;
            while let Ok(Some(next)) = rows.next() {
                let line = next.map_or_else(|(line, _)| line, |row| row.line);
                prop_assert!(line > last && line <= text.split('\n').count() as u64, "{line} after {last}");
                last = line;
            }
        }
    }

    #[test]
    fn a_file_without_the_header_is_refused_and_not_repeated() {
        for text in ["", "\n", "1,secret\n", "account\n", "reason\n", "account,reason,account\n", "account;reason\n"] {
            let error = Rows::new(text.as_bytes()).err().unwrap();
            assert!(error.to_string().contains("header") && !error.to_string().contains("secret"), "{error}");
        }
        assert!(Rows::new("reason,account\n".as_bytes()).is_ok());
    }
}
