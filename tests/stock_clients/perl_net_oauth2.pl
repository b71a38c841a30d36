# Perl's Net::OAuth2: connects and refreshes. It has no revocation, which is a plain request.
use strict;
use warnings;
use JSON qw(decode_json encode_json);
use LWP::UserAgent;
use Net::OAuth2::Profile::WebServer;
use URI;

$| = 1;
my $given = decode_json($ARGV[0]);
my $profile = Net::OAuth2::Profile::WebServer->new(
    name           => 'lanyard',
    client_id      => $given->{client_id},
    client_secret  => $given->{client_secret},
    site           => $given->{issuer},
    authorize_path => '/api/v1/oauth/authorize',
    access_token_path  => '/api/v1/oauth/token',
    refresh_token_path => '/api/v1/oauth/token',
    redirect_uri   => $given->{redirect_uri},
    scope          => 'read write',
    state          => 'a state',
);
print encode_json({ open => '' . $profile->authorize }), "\n";
chomp(my $address = <STDIN>);
my %callback = URI->new($address)->query_form;
my $token = $profile->get_access_token($callback{code});
my %first = (access_token => $token->access_token, refresh_token => $token->refresh_token, scope => $token->scope);
$token->refresh;
my %second = (access_token => $token->access_token, refresh_token => $token->refresh_token);
my $me = decode_json($token->get('/api/v1/me')->decoded_content);
LWP::UserAgent->new->post(
    "$given->{issuer}/api/v1/oauth/revoke_token",
    { token => $second{refresh_token}, client_id => $given->{client_id}, client_secret => $given->{client_secret} },
);
print encode_json({ result => { tokens => \%first, refreshed => \%second, profile => $me } }), "\n";
