//! Standard input line by line, each answered with one JSON object on a line.

use std::io::{self, BufRead, BufWriter, Read, Write};

use prostream_core::{Error, ErrorKind, Result};
use serde::Serialize;

/// Longest line that is looked at, in bytes; what goes beyond is passed over.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Answers every line of standard input, in order and never a line less. Whoever reads the answers may leave early.
pub(super) fn answer_each<T: Serialize>(mut answer: impl FnMut(&str) -> T) -> Result<()> {
    let mut input = io::stdin().lock();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        let text = String::from_utf8_lossy(&line);
        let answered = answer(text.trim_end_matches(['\n', '\r']));
        if serde_json::to_writer(&mut out, &answered).is_err() || writeln!(out).is_err() {
            return Ok(());
        }
    }
    out.flush().or(Ok(()))
}

/// The next line; false at the end.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    let failed = |error: io::Error| Error::new(ErrorKind::Storage, "read standard input").because(error);
    line.clear();
    if input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', line).map_err(failed)? == 0 {
        return Ok(false);
    }
    if !line.ends_with(b"\n") {
        input.skip_until(b'\n').map_err(failed)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a line is a line however long it is, and the last needs no end.
    #[test]
    fn long_lines_are_cut_and_none_is_lost() {
        let text = [&b"one\n"[..], &[b'x'; 200_000], b"\n\nlast"].concat();
        let (mut input, mut line, mut lengths) = (&text[..], Vec::new(), Vec::new());
        while read_line(&mut input, &mut line).unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [4, 65_536, 1, 4]);
    }
}
