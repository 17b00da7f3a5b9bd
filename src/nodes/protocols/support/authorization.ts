/** The header that bears a node's token: `user:password` is HTTP Basic, since no bearer token has a colon. */
export function authorizationOf(token: string): string {
  return token.includes(':') ? `Basic ${Buffer.from(token).toString('base64')}` : `Bearer ${token}`;
}
