# A real configuration that needs no account, no network and no provider to download:
# `terraform_data` is built into Terraform from 1.4 on and into every OpenTofu.

terraform {
  required_version = ">= 1.4"
}

variable "name" {
  description = "Whom to greet."
  type        = string
  default     = "world"
}

variable "password" {
  description = "Shows what becomes of a secret."
  type        = string
  default     = "unset"
  sensitive   = true
}

variable "pause" {
  description = "Seconds for which the apply continues after its greeting, so that there is time to cancel it."
  type        = number
  default     = 0
}

resource "terraform_data" "greeting" {
  input = "Hello, ${var.name}!"

  provisioner "local-exec" {
    command = "echo \"$GREETING\" > greeting.txt && cat greeting.txt && sleep \"$PAUSE\""

    environment = {
      GREETING = self.input
      PAUSE    = var.pause
    }
  }
}

output "greeting" {
  description = "What was said."
  value       = terraform_data.greeting.output
}

output "password" {
  description = "Hidden by `output`, printed in clear by `output -json`."
  value       = var.password
  sensitive   = true
}
