package nimbus;

import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.AuthorizationRequest;
import com.nimbusds.oauth2.sdk.AuthorizationResponse;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.RefreshTokenGrant;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.TokenRevocationRequest;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.oauth2.sdk.token.Tokens;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.Map;
import net.minidev.json.JSONObject;

/** Nimbus's oauth2-oidc-sdk: connects from metadata with PKCE, refreshes and revokes. */
public class Client {
  private final AuthorizationServerMetadata server;
  private final ClientSecretBasic authentication;

  Client(Issuer issuer, String id, String secret) throws Exception {
    server = AuthorizationServerMetadata.resolve(issuer);
    authentication = new ClientSecretBasic(new ClientID(id), new Secret(secret));
  }

  public static void main(String[] arguments) throws Exception {
    var given = JSONObjectUtils.parse(arguments[0]);
    var issuer = new Issuer((String) given.get("issuer"));
    var redirectUri = new URI((String) given.get("redirect_uri"));
    var client = new Client(issuer, (String) given.get("client_id"), (String) given.get("client_secret"));

    var state = new State();
    var verifier = new CodeVerifier();
    var request = new AuthorizationRequest.Builder(ResponseType.CODE, client.authentication.getClientID())
        .endpointURI(client.server.getAuthorizationEndpointURI())
        .redirectionURI(redirectUri)
        .scope(new Scope("read", "write"))
        .state(state)
        .codeChallenge(verifier, CodeChallengeMethod.S256)
        .build();
    say(Map.of("open", request.toURI().toString()));
    var callback = new BufferedReader(new InputStreamReader(System.in)).readLine();

    var response = AuthorizationResponse.parse(new URI(callback));
    if (!state.equals(response.getState())) throw new Exception("The response has another state.");
    if (!issuer.equals(response.getIssuer())) throw new Exception("The response is from another issuer.");
    var code = response.toSuccessResponse().getAuthorizationCode();
    var tokens = client.ask(new AuthorizationCodeGrant(code, redirectUri, verifier));
    var refreshed = client.ask(new RefreshTokenGrant(tokens.getRefreshToken()));

    var me = new HTTPRequest(HTTPRequest.Method.GET, new URI(issuer + "/api/v1/me"));
    me.setAuthorization(refreshed.getBearerAccessToken().toAuthorizationHeader());
    var profile = me.send().getBodyAsJSONObject();
    new TokenRevocationRequest(
            client.server.getRevocationEndpointURI(), client.authentication, refreshed.getRefreshToken())
        .toHTTPRequest().send().ensureStatusCode(200);
    say(Map.of("result", Map.of("tokens", shown(tokens), "refreshed", shown(refreshed), "profile", profile)));
  }

  private Tokens ask(AuthorizationGrant grant) throws Exception {
    var request = new TokenRequest.Builder(server.getTokenEndpointURI(), authentication, grant).build();
    return TokenResponse.parse(request.toHTTPRequest().send()).toSuccessResponse().getTokens();
  }

  private static Map<String, String> shown(Tokens tokens) {
    return Map.of(
        "access_token", tokens.getAccessToken().getValue(),
        "refresh_token", tokens.getRefreshToken().getValue(),
        "scope", tokens.getAccessToken().getScope().toString());
  }

  private static void say(Map<String, Object> value) {
    System.out.println(new JSONObject(value).toJSONString());
  }
}
