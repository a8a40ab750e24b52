//! One highlight annotation, with a picture of its own, so that viewers that draw none themselves show it too.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

use super::{Mark, text_string};

/// Letters of a note; a viewer shows no more at once.
const NOTE_CHARS_MAX: usize = 500;
/// Who is named as the author.
const AUTHOR: &str = "RAG Enabler";
/// The annotation is printed, and a viewer may not move it.
const FLAGS: i64 = 4 | 128;

/// Adds the annotation of `mark` on `page`; `quads` are its lines' corners: top left, top right, bottom left, bottom right.
pub(super) fn add(into: &mut Document, page: ObjectId, mark: &Mark, quads: &[[(f64, f64); 4]]) -> ObjectId {
    let all = || quads.iter().flatten();
    let least = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (x0, y0, x1, y1) = (least(|p| p.0), least(|p| p.1), most(|p| p.0), most(|p| p.1));
    let rect: Vec<Object> = [x0, y0, x1, y1].map(number).into();
    let colour: Vec<Object> = mark.colour.map(|part| number(f64::from(part) / 255.0)).into();
    let picture = into.add_object(picture(&rect, mark.colour, quads));
    let note: String = mark.note.chars().take(NOTE_CHARS_MAX).collect();
    let name = format!("rag-enabler-{}", into.max_id);
    into.add_object(dictionary! {
        "Type" => "Annot",
        "Subtype" => "Highlight",
        "Rect" => rect,
        "QuadPoints" => quads.iter().flatten().flat_map(|(x, y)| [number(*x), number(*y)]).collect::<Vec<_>>(),
        "C" => colour,
        "CA" => 1,
        "F" => FLAGS,
        "P" => page,
        "T" => text_string(AUTHOR),
        "NM" => text_string(&name),
        "Contents" => text_string(&note),
        "AP" => dictionary! { "N" => picture },
    })
}

/// The lines filled with the colour, laid over the page as ink on paper: what is dark stays dark.
fn picture(bounds: &[Object], colour: [u8; 3], quads: &[[(f64, f64); 4]]) -> Stream {
    let [red, green, blue] = colour.map(|part| f64::from(part) / 255.0);
    let mut content = format!("/G gs {red:.3} {green:.3} {blue:.3} rg\n");
    for [a, b, c, d] in quads {
        content.push_str(&format!(
            "{:.2} {:.2} m {:.2} {:.2} l {:.2} {:.2} l {:.2} {:.2} l h f\n",
            a.0, a.1, b.0, b.1, d.0, d.1, c.0, c.1
        ));
    }
    let blend = dictionary! { "Type" => "ExtGState", "BM" => "Multiply" };
    let form: Dictionary = dictionary! {
        "Type" => "XObject",
        "Subtype" => "Form",
        "BBox" => bounds.to_vec(),
        "Resources" => dictionary! { "ExtGState" => dictionary! { "G" => blend } },
    };
    Stream::new(form, content.into_bytes())
}

/// A coordinate to a hundredth of a point.
fn number(value: f64) -> Object {
    Object::Real(((value * 100.0).round() / 100.0) as f32)
}
