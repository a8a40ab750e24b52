# Where nodes run: Fargate, Fargate Spot and machines with a GPU, and the name space in which they find each other.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

locals {
  gpu = var.gpu_count_max > 0
}

resource "aws_ecs_cluster" "main" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  configuration {
    execute_command_configuration {
      kms_key_id = var.kms_key_arn
      logging    = "OVERRIDE"

      log_configuration {
        cloud_watch_encryption_enabled = true
        cloud_watch_log_group_name     = aws_cloudwatch_log_group.exec.name
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "exec" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is a setting; a year in prod.
  name              = "/rag-enabler/${var.name}/exec"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = concat(["FARGATE", "FARGATE_SPOT"], aws_ecs_capacity_provider.gpu[*].name)

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 1
  }
}

# Nodes ask for every address behind a service's name (cluster.discovery = "dns").
resource "aws_service_discovery_private_dns_namespace" "main" {
  name        = "${var.name}.local"
  description = "Nodes by role"
  vpc         = var.vpc_id
}

# Machines with a GPU

data "aws_ssm_parameter" "gpu_image" {
  count = local.gpu ? 1 : 0
  name  = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
}

data "aws_iam_policy_document" "gpu_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "gpu" {
  count              = local.gpu ? 1 : 0
  name               = "${var.name}-gpu"
  assume_role_policy = data.aws_iam_policy_document.gpu_trust.json
}

# What the machine itself may do: register with ECS. Tasks have roles of their own.
resource "aws_iam_role_policy_attachment" "gpu" {
  count      = local.gpu ? 1 : 0
  role       = aws_iam_role.gpu[0].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "gpu" {
  count = local.gpu ? 1 : 0
  name  = "${var.name}-gpu"
  role  = aws_iam_role.gpu[0].name
}

resource "aws_launch_template" "gpu" {
  count         = local.gpu ? 1 : 0
  name          = "${var.name}-gpu"
  image_id      = data.aws_ssm_parameter.gpu_image[0].insecure_value
  instance_type = var.gpu_instance_type

  iam_instance_profile {
    arn = aws_iam_instance_profile.gpu[0].arn
  }

  network_interfaces {
    associate_public_ip_address = false
    security_groups             = [var.nodes_security_group_id]
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = 100
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = true
  }

  user_data = base64encode(<<-CONFIG
    #!/bin/bash
    cat >>/etc/ecs/ecs.config <<'END'
    ECS_CLUSTER=${aws_ecs_cluster.main.name}
    ECS_ENABLE_GPU_SUPPORT=true
    ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
    ECS_AWSVPC_BLOCK_IMDS=true
    ECS_CONTAINER_STOP_TIMEOUT=120s
    END
  CONFIG
  )

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-gpu" }
  }
}

resource "aws_autoscaling_group" "gpu" {
  count                 = local.gpu ? 1 : 0
  name                  = "${var.name}-gpu"
  vpc_zone_identifier   = var.subnet_ids
  min_size              = 0
  max_size              = var.gpu_count_max
  protect_from_scale_in = true
  capacity_rebalance    = true

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = var.gpu_on_demand_base
      on_demand_percentage_above_base_capacity = 0
      spot_allocation_strategy                 = "price-capacity-optimized"
    }
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.gpu[0].id
        version            = aws_launch_template.gpu[0].latest_version
      }
      dynamic "override" {
        for_each = concat([var.gpu_instance_type], var.gpu_instance_alternatives)
        content {
          instance_type = override.value
        }
      }
    }
  }

  tag {
    key                 = "AmazonECSManaged"
    value               = "true"
    propagate_at_launch = true
  }
  tag {
    key                 = "Name"
    value               = "${var.name}-gpu"
    propagate_at_launch = true
  }
}

resource "aws_ecs_capacity_provider" "gpu" {
  count = local.gpu ? 1 : 0
  name  = "${var.name}-gpu"

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.gpu[0].arn
    managed_termination_protection = "ENABLED"
    managed_draining               = "ENABLED"

    managed_scaling {
      status                    = "ENABLED"
      target_capacity           = 100
      maximum_scaling_step_size = 1
    }
  }
}
