//! The crate oauth2: connects with PKCE and refreshes. It revokes over https alone, so here that is a plain request.

use std::error::Error;
use std::io::stdin;

use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::url::Url;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope,
    TokenResponse, TokenUrl,
};
use serde_json::{json, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let given: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("no argument")?)?;
    let text = |name: &str| given[name].as_str().unwrap_or_default().to_string();
    let issuer = text("issuer");

    let client = BasicClient::new(ClientId::new(text("client_id")))
        .set_client_secret(ClientSecret::new(text("client_secret")))
        .set_auth_uri(AuthUrl::new(format!("{issuer}/api/v1/oauth/authorize"))?)
        .set_token_uri(TokenUrl::new(format!("{issuer}/api/v1/oauth/token"))?)
        .set_redirect_uri(RedirectUrl::new(text("redirect_uri"))?);
    // Following a redirect would send the code and the secret to whoever it names.
    let http = ureq::AgentBuilder::new().redirects(0).build();

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(["read", "write"].map(|name| Scope::new(name.to_string())))
        .set_pkce_challenge(challenge)
        .url();
    println!("{}", json!({ "open": address.as_str() }));
    let mut line = String::new();
    stdin().read_line(&mut line)?;

    let callback = Url::parse(line.trim())?;
    let answer = |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if answer("state").as_ref() != Some(state.secret()) {
        return Err("The response has another state.".into());
    }
    if answer("iss").as_ref() != Some(&issuer) {
        return Err("The response is from another issuer.".into());
    }
    let code = AuthorizationCode::new(answer("code").ok_or("The response has no code.")?);
    let tokens = client.exchange_code(code).set_pkce_verifier(verifier).request(&http)?;
    let refresh_token = tokens.refresh_token().ok_or("There is no refresh token.")?;
    let refreshed = client.exchange_refresh_token(refresh_token).request(&http)?;

    let bearer = format!("Bearer {}", refreshed.access_token().secret());
    let me = http.get(&format!("{issuer}/api/v1/me")).set("Authorization", &bearer).call()?;
    let profile: Value = serde_json::from_str(&me.into_string()?)?;
    http.post(&format!("{issuer}/api/v1/oauth/revoke_token")).send_form(&[
        ("token", refresh_token.secret()),
        ("client_id", &text("client_id")),
        ("client_secret", &text("client_secret")),
    ])?;
    let result = json!({ "tokens": shown(&tokens), "refreshed": shown(&refreshed), "profile": profile });
    println!("{}", json!({ "result": result }));
    Ok(())
}

fn shown(tokens: &BasicTokenResponse) -> Value {
    let scopes: Vec<_> = tokens.scopes().into_iter().flatten().map(|scope| scope.as_str()).collect();
    json!({
        "access_token": tokens.access_token().secret(),
        "refresh_token": tokens.refresh_token().map(|token| token.secret()),
        "scope": scopes.join(" "),
    })
}
