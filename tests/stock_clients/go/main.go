// golang.org/x/oauth2: connects with PKCE and refreshes. It has no revocation, which is a plain request.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/oauth2"
)

type given struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RedirectURI  string `json:"redirect_uri"`
}

func main() {
	var app given
	must(json.Unmarshal([]byte(os.Args[1]), &app))
	config := &oauth2.Config{
		ClientID:     app.ClientID,
		ClientSecret: app.ClientSecret,
		RedirectURL:  app.RedirectURI,
		Scopes:       []string{"read", "write"},
		Endpoint: oauth2.Endpoint{
			AuthURL:  app.Issuer + "/api/v1/oauth/authorize",
			TokenURL: app.Issuer + "/api/v1/oauth/token",
		},
	}
	ctx, verifier := context.Background(), oauth2.GenerateVerifier()
	state := oauth2.GenerateVerifier() // as random as a verifier
	say(map[string]any{"open": config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))})
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	must(err)
	address, err := url.Parse(line[:len(line)-1])
	must(err)
	response := address.Query()
	if response.Get("state") != state {
		log.Fatal("The response has another state.")
	}
	if response.Get("iss") != app.Issuer {
		log.Fatal("The response is from another issuer.")
	}
	tokens, err := config.Exchange(ctx, response.Get("code"), oauth2.VerifierOption(verifier))
	must(err)
	old := &oauth2.Token{RefreshToken: tokens.RefreshToken, Expiry: time.Now().Add(-time.Hour)}
	refreshed, err := config.TokenSource(ctx, old).Token()
	must(err)
	answer, err := config.Client(ctx, refreshed).Get(app.Issuer + "/api/v1/me")
	must(err)
	body, err := io.ReadAll(answer.Body)
	must(err)
	form := url.Values{"token": {refreshed.RefreshToken}, "client_id": {app.ClientID}}
	if app.ClientSecret != "" {
		form.Set("client_secret", app.ClientSecret)
	}
	_, err = http.PostForm(app.Issuer+"/api/v1/oauth/revoke_token", form)
	must(err)
	say(map[string]any{"result": map[string]any{
		"tokens":    shown(tokens),
		"refreshed": shown(refreshed),
		"profile":   json.RawMessage(body),
	}})
}

func shown(token *oauth2.Token) map[string]any {
	return map[string]any{
		"access_token": token.AccessToken, "refresh_token": token.RefreshToken, "scope": token.Extra("scope"),
	}
}

func say(value any) {
	text, err := json.Marshal(value)
	must(err)
	fmt.Println(string(text))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
