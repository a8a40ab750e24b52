//! Amazon Textract: a page's picture in, its words with their places out, through `DetectDocumentText`.

use std::collections::HashMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::aws::{Account, Service};
use crate::error::ProviderError;
use crate::{Reads, SeenWord};

const NAME: &str = "textract";
/// Pages, lines and words of one answer: a page of dense text has some thousand.
const BLOCKS_MAX: usize = 40_000;

const HEADERS: [(&str, &str); 2] =
    [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "Textract.DetectDocumentText")];

/// Textract in one region.
#[derive(Debug, Clone)]
pub struct Textract {
    service: Service,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    document: Document,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Detected {
    blocks: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Block {
    block_type: String,
    #[serde(default)]
    id: String,
    text: Option<String>,
    confidence: Option<f32>,
    geometry: Option<Geometry>,
    #[serde(default)]
    relationships: Option<Vec<Relationship>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Geometry {
    bounding_box: BoundingBox,
}

/// Shares of the picture's width and height.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BoundingBox {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Relationship {
    r#type: String,
    #[serde(default)]
    ids: Vec<String>,
}

impl Textract {
    /// Textract as `account` reaches it; nothing is asked yet.
    ///
    /// # Errors
    /// If the account's settings are wrong.
    pub fn new(account: &Account) -> Result<Self, ProviderError> {
        Ok(Self { service: Service::new(account, NAME, NAME, NAME)? })
    }
}

#[async_trait]
impl Reads for Textract {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn read(&self, png: &[u8], until: Instant) -> Result<Vec<SeenWord>, ProviderError> {
        let body = Body { document: Document { bytes: STANDARD.encode(png) } };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let bytes = self.service.post("/", &HEADERS, body, until).await?;
        // Of what is wrong only the place is told: the rest may be words of the page.
        let detected: Detected = serde_json::from_slice(&bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.service.strange(format!("no such JSON at line {line} column {column}"))
        })?;
        words(&detected.blocks).map_err(|what| self.service.strange(what))
    }
}

/// The words of an answer, line by line, or what is wrong with it. Pure.
fn words(blocks: &[Block]) -> Result<Vec<SeenWord>, String> {
    if blocks.len() > BLOCKS_MAX {
        return Err(format!("{} blocks on one page", blocks.len()));
    }
    if blocks.iter().filter(|block| block.block_type == "PAGE").count() != 1 {
        return Err("other than one page for one picture".to_owned());
    }
    let of =
        |kind: &'static str| blocks.iter().enumerate().filter(move |(_, block)| block.block_type == kind);
    let by_id: HashMap<&str, usize> = of("WORD").map(|(at, block)| (block.id.as_str(), at)).collect();
    let mut is_placed = vec![false; blocks.len()];
    let mut words = Vec::with_capacity(by_id.len());
    let mut line = 0;
    for (_, block) in of("LINE") {
        let children = block.relationships.iter().flatten().filter(|relation| relation.r#type == "CHILD");
        for id in children.flat_map(|relation| &relation.ids) {
            let at = *by_id.get(id.as_str()).ok_or("a line of a word that is not there")?;
            match is_placed.get_mut(at) {
                Some(placed) if !*placed => *placed = true,
                _ => return Err("a word on two lines".to_owned()),
            }
            words.push(blocks.get(at).map_or_else(|| Err(String::new()), |block| word(block, at, line))?);
        }
        line += 1;
    }
    // A word that no line holds is a line.
    for (at, block) in of("WORD") {
        if is_placed.get(at) == Some(&false) {
            words.push(word(block, at, line)?);
            line += 1;
        }
    }
    Ok(words)
}

fn word(block: &Block, at: usize, line: u32) -> Result<SeenWord, String> {
    let missing = |what: &str| format!("a word without {what} (block {at})");
    let text = block.text.clone().filter(|text| !text.trim().is_empty()).ok_or_else(|| missing("text"))?;
    let percent = block.confidence.filter(|percent| (0.0..=100.0).contains(percent));
    let confidence = percent.ok_or_else(|| missing("confidence"))? / 100.0;
    let place = &block.geometry.as_ref().ok_or_else(|| missing("a place"))?.bounding_box;
    let rect = [place.left, place.top, place.left + place.width, place.top + place.height];
    // Letters at the edge of a picture may lie a little beyond it.
    let is_on_page = rect.iter().all(|share| (-0.1..=1.1).contains(share));
    if !is_on_page || place.width <= 0.0 || place.height <= 0.0 {
        return Err(missing("a place on the page"));
    }
    Ok(SeenWord { text, rect: rect.map(|share| share.clamp(0.0, 1.0)), confidence, line })
}
