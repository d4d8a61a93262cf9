"""The local page for the site's technician: verdicts with their age, and "Kiểm tra lại"; works with the link down (R52)."""
