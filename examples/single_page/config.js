// Put your own here. The application is of the type "Browser application", and its redirect URL is this page's address.
export const config = {
  issuer: "http://127.0.0.1:8000",
  clientId: "",
  scope: "read",
};
