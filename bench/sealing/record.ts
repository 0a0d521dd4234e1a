/** What is sealed: of the form and size of a stored grant. */
export const RECORD = {
  sub: "110169484474386276334",
  email: "ada@example.com",
  refreshToken: `1//${"0dFj".repeat(25)}`,
  scopes: ["openid", "email", "profile", "https://www.googleapis.com/auth/gmail.readonly"],
  clientId: "bench.apps.googleusercontent.com",
  grantedAtMs: 1_790_000_000_000,
};
