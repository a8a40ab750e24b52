output "file_system_id" {
  description = "The file system."
  value       = aws_efs_file_system.models.id
}

output "file_system_arn" {
  description = "Its ARN."
  value       = aws_efs_file_system.models.arn
}

output "access_point_id" {
  description = "What nodes mount."
  value       = aws_efs_access_point.models.id
}

output "access_point_arn" {
  description = "Its ARN."
  value       = aws_efs_access_point.models.arn
}

output "copy_task_arn" {
  description = "Start it when a model was uploaded: aws datasync start-task-execution --task-arn ..."
  value       = aws_datasync_task.models.arn
}
