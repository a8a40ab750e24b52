//! Files to upload: pages with a few lines of native text.

/// A one-page PDF with native text, one line for each of `lines`; what is not ASCII becomes a question mark.
#[must_use]
pub fn note(lines: &[&str]) -> Vec<u8> {
    let mut content = String::from("BT /F 12 Tf 72 760 Td 16 TL");
    for line in lines {
        content.push_str(&format!(" ({}) Tj T*", escaped(line)));
    }
    content.push_str(" ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    finished(&objects)
}

/// The same document with other bytes: a comment after its end.
#[must_use]
pub fn varied(mut bytes: Vec<u8>, mark: u64) -> Vec<u8> {
    bytes.extend_from_slice(format!("\n% {mark:016x}\n").as_bytes());
    bytes
}

fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter {
            '(' | ')' | '\\' => text.extend(['\\', letter]),
            ' '..='~' => text.push(letter),
            _ => text.push('?'),
        }
    }
    text
}

/// The objects with their numbers, the table of where each begins, and the trailer.
fn finished(objects: &[String]) -> Vec<u8> {
    let mut file = String::from("%PDF-1.7\n");
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let at = file.len();
    let size = objects.len() + 1;
    file.push_str(&format!("{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n"));
    file.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_begins_where_the_table_says() {
        let file = note(&["Um (1) \\ dois", "três"]);
        let text = String::from_utf8(file).unwrap();
        let entries = text.lines().filter(|line| line.ends_with(" 00000 n "));
        for (index, entry) in entries.enumerate() {
            let at: usize = entry[..10].parse().unwrap();
            assert!(text[at..].starts_with(&format!("{} 0 obj\n", index + 1)), "{entry}");
        }
        assert!(text.contains(r"(Um \(1\) \\ dois) Tj T* (tr?s) Tj T*"), "{text}");
    }
}
