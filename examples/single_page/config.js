// Set your own values. The application is a "Browser application"; its redirect URL is the address of this page.
export const config = {
  issuer: "http://127.0.0.1:8000",
  clientId: "",
  scope: "read",
};
