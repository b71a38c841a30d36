# Ruby's oauth2: connects with PKCE and refreshes. Its revocation came in version 2.
require "digest"
require "json"
require "net/http"
require "oauth2"
require "securerandom"

given = JSON.parse(ARGV[0])
client = OAuth2::Client.new(
  given["client_id"], given["client_secret"],
  site: given["issuer"], authorize_url: "/api/v1/oauth/authorize", token_url: "/api/v1/oauth/token"
)
state = SecureRandom.urlsafe_base64(32)
verifier = SecureRandom.urlsafe_base64(32)
address = client.auth_code.authorize_url(
  redirect_uri: given["redirect_uri"], scope: "read write", state: state,
  code_challenge: Digest::SHA256.base64digest(verifier).tr("+/", "-_").delete("="), code_challenge_method: "S256"
)
puts JSON.generate(open: address)
$stdout.flush
callback = URI.decode_www_form(URI($stdin.gets.strip).query).to_h
abort "The response has another state." unless callback["state"] == state
abort "The response is from another issuer." unless callback["iss"] == given["issuer"]
tokens = client.auth_code.get_token(
  callback["code"], redirect_uri: given["redirect_uri"], code_verifier: verifier
)
refreshed = tokens.refresh!
profile = refreshed.get("/api/v1/me").parsed
Net::HTTP.post_form(
  URI(given["issuer"] + "/api/v1/oauth/revoke_token"),
  token: refreshed.refresh_token, client_id: given["client_id"], client_secret: given["client_secret"]
)
shown = ->(token) { { access_token: token.token, refresh_token: token.refresh_token, scope: token.params["scope"] } }
puts JSON.generate(result: { tokens: shown.(tokens), refreshed: shown.(refreshed), profile: profile })
