# Perl's Net::OAuth2: connects with PKCE and refreshes. It has no revocation, which is a plain request.
use strict;
use warnings;
use Digest::SHA qw(sha256_base64);
use JSON qw(decode_json encode_json);
use LWP::UserAgent;
use Net::OAuth2::Profile::WebServer;
use URI;

$| = 1;
my $given = decode_json($ARGV[0]);
my ($state, $verifier) = (random(), random());
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
    state          => $state,
);
my $address_to_open = $profile->authorize(
    code_challenge        => sha256_base64($verifier) =~ tr{+/}{-_}r,    # comes without padding
    code_challenge_method => 'S256',
);
print encode_json({ open => "$address_to_open" }), "\n";
chomp(my $address = <STDIN>);
my %callback = URI->new($address)->query_form;
die "The response has another state.\n" unless ($callback{state} // '') eq $state;
die "The response is from another issuer.\n" unless ($callback{iss} // '') eq $given->{issuer};
my $token = $profile->get_access_token($callback{code}, code_verifier => $verifier);
my %first = (access_token => $token->access_token, refresh_token => $token->refresh_token, scope => $token->scope);
$token->refresh;
my %second = (access_token => $token->access_token, refresh_token => $token->refresh_token);
my $me = decode_json($token->get('/api/v1/me')->decoded_content);
LWP::UserAgent->new->post(
    "$given->{issuer}/api/v1/oauth/revoke_token",
    { token => $second{refresh_token}, client_id => $given->{client_id}, client_secret => $given->{client_secret} },
);
print encode_json({ result => { tokens => \%first, refreshed => \%second, profile => $me } }), "\n";

sub random {
    open my $source, '<:raw', '/dev/urandom' or die $!;
    read($source, my $bytes, 32) == 32 or die 'Too few random bytes.';
    return unpack 'H*', $bytes;
}
