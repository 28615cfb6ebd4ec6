//! Pages of other origins: what a browser asks beforehand, and what answers tell it.
//!
//! # Invariants
//! - A preflight is answered alike whatever account and container it names: by the rules of all accounts, as it says nothing of
//!   who asks. So it tells nothing of what there is; it holds nothing, and the rules are remembered.
//! - An answer to who is known is shared by the rules of that account, and no other's.
//!
//! Source: "Preflight Blob Request", "Cross-Origin Resource Sharing (CORS) support for Azure Storage".

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode};

use crate::front::azure::admission::house::House;
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::context::Context;
use crate::front::azure::wire::errors;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::cors;
use crate::front::reply::Reply;
use crate::model::{CorsRule, CrossOrigin, first_that_fits};

/// Preflight Blob Request.
pub(in crate::front::azure) async fn preflight(
    house: &House,
    asked: &Asked<'_>,
    context: &Context,
) -> Result<Reply, Refusal> {
    let Some(page) = cors::preflight(asked.headers) else {
        let text = "A required CORS header is not present.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidHeaderValue, text));
    };
    let rules = house.gateway.cors_of_accounts(asked.remote).await;
    let rules = rules.map_err(|error| errors::answer(error, Operation::PreflightRequest, context))?;
    let Some(found) = rules.iter().find_map(|rules| first_that_fits(rules, &page)) else {
        let text = "CORS not enabled or no matching rule found for this request.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::CorsPreflightFailure, text));
    };
    let mut reply = Reply::new(StatusCode::OK);
    cors::allow(&mut reply.headers, &found, &page);
    Ok(reply)
}

/// Tells the page that asked what it may read of an answer, which has all its other headers. To GET and HEAD it is told, too,
/// whether the answer is another one for another origin; where no page asked as well, as caches keep that answer for pages.
///
/// Source: "CORS support for Azure Storage", "How CORS rules are evaluated" (the table of answers to GET and HEAD).
pub(in crate::front::azure) async fn share(
    house: &House,
    context: &Context,
    (method, headers): (&Method, &HeaderMap),
    from: IpAddr,
    answer: &mut HeaderMap,
) {
    let origin = cors::origin(headers);
    let read = matches!(*method, Method::GET | Method::HEAD);
    let client = context.client().and_then(|client| house.gateway.clients().find(client.as_str()));
    // What is not known is not shared.
    let (own, all);
    let rules: Vec<&[CorsRule]> = match (client, &origin) {
        _ if *method == Method::OPTIONS || (origin.is_none() && !read) => return,
        (Some(client), _) => {
            own = house.gateway.cors_of_account(&client.principal.tenant).await.unwrap_or_default();
            vec![own.as_slice()]
        }
        (None, Some(_)) => {
            all = house.gateway.cors_of_accounts(from).await.unwrap_or_default();
            all.iter().map(Vec::as_slice).collect()
        }
        (None, None) => return,
    };
    let origin = origin.unwrap_or_default();
    let page = CrossOrigin { origin: &origin, method: method.as_str(), headers: "" };
    let found = rules.iter().find_map(|rules| first_that_fits(rules, &page));
    if read && rules.iter().any(|rules| !rules.is_empty()) && found.is_none_or(|found| !found.any_origin) {
        cors::vary(answer);
    }
    if let Some(found) = found {
        cors::share(answer, &found, &origin);
    }
}
