//! `/v1/routes` (http-api.md G5): what a message may leave by, and what it would leave by.

use axum::extract::{Request, State};
use axum::response::Response;
use http::Uri;
use serde::Serialize;

use super::Gate;
use super::answer::shown;
use super::auth::{Admitted, Scope};
use super::cursor::{Listing, Page};
use super::error::{ApiError, Overload};
use super::extract::{Fields, Id};
use super::submission;
use crate::dispatch::{Change, RouteView, Trial, Wish, closed_to_all, findings, views};
use crate::domain::route::MOST_WEIGHT;
use crate::domain::route::Origin;
use crate::domain::{Category, Crowd, Destination, Encoding, RouteKind, RouteName, Terms, Via};

#[derive(Debug, Serialize)]
struct RouteJson<'a> {
    name: &'a str,
    kind: &'static str,
    enabled: bool,
    weight: u32,
    prefixes: Vec<&'a str>,
    categories: Vec<&'static str>,
    /// `ready`, or why nothing leaves by it at this moment.
    health: &'static str,
    cost: String,
}

/// What would become of a message.
#[derive(Debug, Serialize)]
struct TrialJson {
    encoding: &'static str,
    parts: u8,
    /// The best first.
    candidates: Vec<CandidateJson>,
    rejected: Vec<RejectedJson>,
}

#[derive(Debug, Serialize)]
struct CandidateJson {
    route: String,
    /// Until the network would have taken it.
    expected_wait_ms: u64,
}

#[derive(Debug, Serialize)]
struct RejectedJson {
    route: String,
    reason: ReasonJson,
}

#[derive(Debug, Serialize)]
struct ReasonJson {
    code: &'static str,
    message: String,
}

/// `GET /v1/routes`: modems in the order of the configuration, then providers.
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsRead)?;
    let routes = gate.routes();
    let (page, next_cursor, has_more) = Page::of(&uri, None)?.range(routes.len());
    Ok(shown(&Listing {
        data: routes[page]
            .iter()
            .map(|route| gate.route(route, &route.terms))
            .collect(),
        next_cursor,
        has_more,
    }))
}

/// `PATCH /v1/routes/{name}`: until the next start. Answered with the route as it will be.
pub(super) async fn change(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::RoutesWrite)?;
    let mut fields = gate.fields(request).await?;
    let change = Change {
        enabled: fields.flag("enabled"),
        weight: weight(&mut fields),
    };
    fields.refuse_the_rest();
    fields.finish(Some(()))?;
    let routes = gate.routes();
    let found = routes.iter().find(|route| route.name.as_str() == name);
    let route = found.ok_or(ApiError::NotFound)?;
    let wish = Wish::Route {
        route: route.name.clone(),
        change,
    };
    // A full channel: dispatch waits for its disk, or somebody asks without end.
    let wishes = &gate.0.parts.wishes;
    let place = wishes
        .try_reserve()
        .map_err(|_| ApiError::Overloaded(Overload::Modems))?;
    let by = gate.entry(&caller, "route.change", &name);
    // On record first: what cannot be recorded is not done.
    gate.store().audit(by).await?;
    place.send(wish);
    Ok(shown(&gate.route(route, &change.of(&route.terms))))
}

fn weight(fields: &mut Fields) -> Option<u32> {
    let given = fields.whole("weight")?;
    match u32::try_from(given) {
        Ok(weight) if weight <= MOST_WEIGHT => Some(weight),
        _ => fields.refuse("weight", "must be 0 to 10000"),
    }
}

/// `POST /v1/routes/test`: the candidates for a message in order, and why each other route is none. Sends nothing.
pub(super) async fn test(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsRead)?;
    let mut fields = gate.fields(request).await?;
    let config = gate.config();
    let recipient = submission::recipient(&mut fields, "to", &config.numbers);
    let width = submission::reference_width(&gate, None);
    let max_parts = config.message.max_parts;
    let content = submission::content(&mut fields, "text", Encoding::Auto, width, max_parts);
    let category = submission::category(&mut fields);
    fields.refuse_the_rest();
    let (recipient, content) = fields.finish(recipient.zip(content))?;
    let contact = gate.store().contact(recipient.to.clone()).await?;
    let trial = Trial {
        to: &recipient.to,
        category: category.unwrap_or(Category::Transactional),
        parts: content.parts.into(),
        via: None,
        contact: contact.as_ref(),
        origin: None,
    };
    let mut answer = TrialJson {
        encoding: content.encoding.as_str(),
        parts: content.parts,
        candidates: Vec::new(),
        rejected: Vec::new(),
    };
    for finding in findings(&trial, &gate.fleet(), &gate.loads(), gate.now()) {
        let route = finding.route.as_str().to_owned();
        match finding.verdict {
            Ok(wait) => answer.candidates.push(CandidateJson {
                route,
                expected_wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            }),
            Err(rejection) => answer.rejected.push(RejectedJson {
                route,
                reason: ReasonJson {
                    code: rejection.code(),
                    message: rejection.to_string(),
                },
            }),
        }
    }
    Ok(shown(&answer))
}

impl Gate {
    fn routes(&self) -> Vec<RouteView> {
        views(&self.fleet(), &self.loads(), self.now())
    }

    fn route<'a>(&self, route: &'a RouteView, terms: &'a Terms) -> RouteJson<'a> {
        let closed = match terms.enabled {
            true => closed_to_all(route, self.now()).map(|rejection| rejection.code()),
            false => Some("disabled"),
        };
        RouteJson {
            name: route.name.as_str(),
            kind: route.name.kind().as_str(),
            enabled: terms.enabled,
            weight: terms.weight,
            prefixes: terms.prefixes.written(),
            categories: terms.categories.iter().map(Category::as_str).collect(),
            health: closed.unwrap_or("ready"),
            cost: terms.cost.to_string(),
        }
    }

    pub(super) fn has_routes(&self) -> bool {
        !self.routes().is_empty()
    }

    /// A route by its name, or by the name of its section.
    pub(super) fn route_named(&self, given: &str) -> Option<RouteName> {
        let mut names = self.routes().into_iter().map(|route| route.name);
        names.find(|name| name.as_str() == given || name.name() == given)
    }

    /// Who a message stands in line with: those that wait for the same routes.
    ///
    /// # Errors
    /// `no_route` when none of the routes can ever carry it, `insufficient_credit` when only providers can and the budget
    /// does not hold it.
    pub(super) fn crowd(
        &self,
        to: &Destination,
        category: Category,
        parts: u8,
        via: Option<&Via>,
        origin: Option<Origin<'_>>,
    ) -> Result<Crowd, ApiError> {
        let routes = self.routes();
        let is_asked = |route: &RouteView| match via {
            None => true,
            Some(Via::Route(name)) => route.name == *name,
            // It may go into another modem.
            Some(Via::Sim(_)) => route.name.kind() == RouteKind::Modem,
        };
        let can_ever = |route: &&RouteView| {
            let is_cloud = route.name.kind() == RouteKind::Cloud;
            is_asked(route)
                && route.terms.serve(to, category, origin)
                && (!is_cloud || route.terms.patience.cloud_for.contain(category))
        };
        let able: Vec<&RouteView> = routes.iter().filter(can_ever).collect();
        if able.is_empty() {
            return Err(ApiError::NoRoute);
        }
        let cannot_pay = |route: &&RouteView| {
            let cost = route.terms.cost.times(parts.into());
            route
                .allowance
                .is_some_and(|allowance| allowance.left < cost)
        };
        if able.iter().all(cannot_pay) {
            return Err(ApiError::InsufficientCredit);
        }
        Ok(match via {
            Some(via) => Crowd::of_via(via),
            None if able.len() == routes.len() => Crowd::ANYBODY,
            None => Crowd::of_routes(able.iter().map(|route| &route.name)),
        })
    }
}
