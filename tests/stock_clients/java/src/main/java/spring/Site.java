package spring;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.time.Duration;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.annotation.RegisteredOAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.client.web.OAuth2LoginAuthenticationFilter;
import org.springframework.security.oauth2.core.user.OAuth2User;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;

/** A website where people sign in with Lanyard. Spring Security connects and refreshes; it has no revocation. */
@SpringBootApplication
@RestController
public class Site {
  private final ClientRegistrationRepository registrations;
  private final OAuth2AuthorizedClientRepository connections;
  private final String issuer;

  Site(
      ClientRegistrationRepository registrations,
      OAuth2AuthorizedClientRepository connections,
      @Value("${lanyard.url}") String issuer) {
    this.registrations = registrations;
    this.issuer = issuer;
    this.connections = connections;
  }

  public static void main(String[] arguments) {
    SpringApplication.run(Site.class, arguments);
    System.out.println("ready");
  }

  @Bean
  SecurityFilterChain security(HttpSecurity http) throws Exception {
    return http
        .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
        .oauth2Login(Customizer.withDefaults())
        .addFilterBefore(new IssuerCheck(issuer), OAuth2LoginAuthenticationFilter.class)
        .build();
  }

  @GetMapping("/")
  Map<String, Object> home(
      @AuthenticationPrincipal OAuth2User user,
      @RegisteredOAuth2AuthorizedClient("lanyard") OAuth2AuthorizedClient connection) {
    return Map.of(
        "profile", user.getAttributes(),
        "scopes", connection.getAccessToken().getScopes(),
        "access_token", connection.getAccessToken().getTokenValue());
  }

  /** Refreshes now. Without this, Spring refreshes a minute before the access token expires. */
  @GetMapping("/refresh")
  Map<String, String> refresh(Authentication user, HttpServletRequest request, HttpServletResponse response) {
    var manager = new DefaultOAuth2AuthorizedClientManager(registrations, connections);
    manager.setAuthorizedClientProvider(
        OAuth2AuthorizedClientProviderBuilder.builder()
            .refreshToken(refresh -> refresh.clockSkew(Duration.ofDays(365)))
            .build());
    var refreshed = manager.authorize(
        OAuth2AuthorizeRequest.withClientRegistrationId("lanyard")
            .principal(user)
            .attribute(HttpServletRequest.class.getName(), request)
            .attribute(HttpServletResponse.class.getName(), response)
            .build());
    return Map.of("access_token", refreshed.getAccessToken().getTokenValue());
  }

  @GetMapping("/disconnect")
  Map<String, Boolean> disconnect(
      Authentication user,
      @RegisteredOAuth2AuthorizedClient("lanyard") OAuth2AuthorizedClient connection,
      HttpServletRequest request,
      HttpServletResponse response) {
    ClientRegistration lanyard = connection.getClientRegistration();
    var form = new LinkedMultiValueMap<String, String>();
    form.add("token", connection.getRefreshToken().getTokenValue());
    RestClient.create().post()
        .uri(issuer + "/api/v1/oauth/revoke_token")
        .headers(headers -> headers.setBasicAuth(lanyard.getClientId(), lanyard.getClientSecret()))
        .body(form)
        .retrieve()
        .toBodilessEntity();
    connections.removeAuthorizedClient("lanyard", user, request, response);
    return Map.of("disconnected", true);
  }
}
