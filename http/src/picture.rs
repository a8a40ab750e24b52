//! The picture of a page with passages marked: what a client may ask for, and the answer.

use bytes::Bytes;
use uuid::Uuid;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use crate::error::Violation;
use crate::handlers::Call;
use crate::message::Message;
use crate::problem::Problem;
use crate::upload::Refusal;

/// Dots per inch when the client does not say: a page fills a screen and is read with ease.
const DPI: u32 = 110;
/// The least and the most dots per inch.
const DPI_MIN: u64 = 36;
const DPI_MAX: u64 = 200;
/// Passages marked on one page; an answer has at most twenty, of some lines each.
const MARKS_MAX: usize = 200;

/// How a page is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct PagePicture {
    /// The page, counted from one.
    pub page: u32,
    /// Dots per inch, 36 to 200.
    pub dpi: u32,
    /// What is marked: left, top, width and height, in points from the page's top left corner.
    pub marks: Vec<[f32; 4]>,
}

/// Reads the query of a picture; unknown names are left alone.
pub(crate) fn read(page: u32, query: &str) -> Result<PagePicture, Problem> {
    let mut picture = PagePicture { page, dpi: DPI, marks: Vec::new() };
    let mut wrong = Vec::new();
    for pair in query.split('&') {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "dpi" => match text.parse::<u64>() {
                Ok(dpi) if (DPI_MIN..=DPI_MAX).contains(&dpi) => picture.dpi = dpi as u32,
                _ => {
                    let got = text.chars().take(40).collect();
                    let message = Message::NotWhole { min: DPI_MIN, max: DPI_MAX, got };
                    wrong.push(Violation { field: "dpi", message });
                }
            },
            "highlight" => match marks(text) {
                Some(marks) => picture.marks.extend(marks),
                None => wrong.push(Violation { field: "highlight", message: Message::MarksMalformed }),
            },
            _ => {}
        }
    }
    if picture.marks.len() > MARKS_MAX {
        wrong.push(Violation { field: "highlight", message: Message::MarksMalformed });
    }
    if wrong.is_empty() { Ok(picture) } else { Err(Problem::invalid(wrong)) }
}

/// Rectangles as `x,y,width,height`, with `;` between two of them.
fn marks(text: &str) -> Option<Vec<[f32; 4]>> {
    let text = text.replace("%2C", ",").replace("%2c", ",").replace("%3B", ";").replace("%3b", ";");
    let one = |part: &str| {
        let numbers: Option<Vec<f32>> = part.split(',').map(points).collect();
        <[f32; 4]>::try_from(numbers?).ok()
    };
    text.split(';').map(one).collect()
}

/// A number as our sources write theirs: up to five digits, then up to eight.
fn points(text: &str) -> Option<f32> {
    let (whole, part) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let plain = digits(whole, 5) && part.is_none_or(|part| digits(part, 8));
    plain.then(|| text.parse().ok()).flatten()
}

/// Answers with the picture of a page.
pub(crate) async fn show(id: Uuid, page: u32, call: &Call<'_>) -> Result<Response, Refusal> {
    let picture = read(page, call.query)?;
    let png: Bytes = call.api.picture(call.context, id, picture).await?;
    let mut response = Response::new(png.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_read_as_sources_give_their_boxes() {
        let picture = read(2, "highlight=1,2.5,30,4;5,6,7,8&dpi=72").unwrap();
        assert_eq!((picture.page, picture.dpi), (2, 72));
        assert_eq!(picture.marks, [[1.0, 2.5, 30.0, 4.0], [5.0, 6.0, 7.0, 8.0]]);
        assert_eq!(read(1, "highlight=1%2C2%2C3%2C4").unwrap().marks.len(), 1);
        assert_eq!(read(1, "").unwrap(), PagePicture { page: 1, dpi: DPI, marks: vec![] });
    }

    #[test]
    fn what_is_no_rectangle_or_no_resolution_is_said() {
        let many = format!("highlight={}", vec!["1,2,3,4"; MARKS_MAX + 1].join(";"));
        for query in [
            "highlight=1,2,3",
            "highlight=a,b,c,d",
            "highlight=1,2,3,inf",
            "highlight=",
            "dpi=0",
            "dpi=x",
            &many,
        ] {
            assert_eq!(read(1, query).unwrap_err().violations.len(), 1, "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in ".{0,80}") {
            let _ = read(1, &query);
        }
    }
}
