use prostream_server::auth::Role;

use crate::app::{PASSWORD, TestApp, assert_problem, body};

/// Goal: an administrator is told how the providers and the set-up are, and no path of this machine; everybody else that this is not theirs.
#[tokio::test]
async fn a_check_up_is_for_administrators() {
    let app = TestApp::start().await;
    let user = app.user("mia").await;
    let refusal = assert_problem(app.get_as(&user, "/api/v1/doctor").await, 403, "forbidden").await;
    assert!(refusal["advice"].is_string());
    assert_problem(app.get("/api/v1/doctor").await, 401, "unauthorized").await;

    app.accounts.add_user("root", PASSWORD, Role::Admin).await.unwrap();
    let admin = app.accounts.access_token_of("root").await.unwrap();
    let report = body(app.get_as(&admin, "/api/v1/doctor").await).await;
    let findings = report["findings"].as_array().unwrap();
    let told = |about: &str| {
        let finding = findings.iter().find(|finding| finding["about"] == about);
        finding.unwrap_or_else(|| panic!("{about} is not in {report}"))
    };
    for well in ["test_catalogue", "test_shelf", "data.folder"] {
        assert_eq!(told(well)["verdict"], "ok", "{report}");
    }
    assert_eq!((told("debrid")["verdict"].as_str(), report["verdict"].as_str()), (Some("warning"), Some("warning")));
    assert!(told("debrid")["advice"].is_string());
    assert!(!report.to_string().contains(app.film.parent().unwrap().to_str().unwrap()));
}

/// Goal: a check-up asks outside services, so it counts as a search.
#[tokio::test]
async fn a_check_up_draws_from_the_budget_of_searches() {
    let mut config = crate::app::config();
    config.limits.search_per_user = 1;
    let app = TestApp::with(config).await;
    app.accounts.add_user("root", PASSWORD, Role::Admin).await.unwrap();
    let admin = app.accounts.access_token_of("root").await.unwrap();
    assert_eq!(app.get_as(&admin, "/api/v1/doctor").await.status(), 200);
    assert_problem(app.get_as(&admin, "/api/v1/doctor").await, 429, "rate_limited").await;
}
