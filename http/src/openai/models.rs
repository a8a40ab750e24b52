//! Which models can be named.

use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::ModelName;
use crate::answer;
use crate::error::ApiError;
use crate::handlers::Call;
use crate::knowledge::ModelCard;
use crate::upload::Refusal;

pub(crate) async fn list(call: Call<'_>) -> Result<Response, Refusal> {
    let models = call.api.models(call.context).await?;
    let data: Vec<Value> = models.iter().map(card).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "object": "list", "data": data })))
}

pub(crate) async fn show(name: ModelName, call: Call<'_>) -> Result<Response, Refusal> {
    let models = call.api.models(call.context).await?;
    match models.iter().find(|model| model.name == name.text()) {
        Some(model) => Ok(answer::json(StatusCode::OK, &card(model))),
        None => {
            let known = models.into_iter().map(|model| model.name).collect();
            Err(ApiError::ModelUnknown { model: name.text().to_owned(), known }.into())
        }
    }
}

fn card(model: &ModelCard) -> Value {
    json!({
        "id": model.name,
        "object": "model",
        // When a model was made is not told to us.
        "created": 0,
        "owned_by": "rag-enabler",
        "kind": if model.embeds { "embedding" } else { "language" },
    })
}
